package drill

import (
	"context"
	"strconv"
	"strings"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// bytesThere measures what lies in the data directory and the tablespaces.
func (l launched) bytesThere(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	argv := []string{"du", "-sb", l.box.Dir("data"), l.box.Dir("tblspc")}
	if l.real != nil { // tablespaces are where the links lead
		argv = []string{"du", "-sbL", l.box.Dir("data")}
	}
	said, err := l.box.Run(ctx, host.Command{Argv: argv})
	if err != nil {
		return 0, err
	}
	var total int64
	for _, line := range strings.Split(strings.TrimSpace(string(said.Stdout)), "\n") {
		count, _, _ := strings.Cut(line, "\t")
		size, err := strconv.ParseInt(count, 10, 64)
		if err != nil {
			return 0, reason.Errorf(reason.SandboxFailed, "du says %q", line)
		}
		total += size
	}
	return total, nil
}

// empty removes what was restored. A million files take minutes: the run's deadline is the bound.
func (l launched) empty(ctx context.Context) error {
	for _, name := range []string{"data", "tblspc"} {
		remove := host.Command{Argv: []string{"find", l.box.Dir(name), "-mindepth", "1", "-delete"}}
		if _, err := l.box.Run(ctx, remove); err != nil {
			return reason.Wrap(reason.SandboxFailed, err)
		}
	}
	return nil
}

// cores are those of the sandbox.
func (l launched) cores(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	said, err := l.box.Run(ctx, host.Command{Argv: []string{"nproc"}})
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(said.Stdout)))
}

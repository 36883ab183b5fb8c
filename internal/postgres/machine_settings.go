package postgres

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
)

// machineSettings are those whose value must fit the machine, besides those the command
// line forces: a locale that is installed, a limit of the kernel.
var machineSettings = []string{"lc_monetary", "lc_numeric", "lc_time", "max_stack_depth"}

// dropMachineSettings comments out, in the postgresql.auto.conf of the restored cluster, what
// only says on which machine it ran. Forcing another value is not enough: PostgreSQL
// checks what stands in the file all the same, and a locale that is not installed
// here would keep it from starting.
func (s *Server) dropMachineSettings(ctx context.Context) error {
	file := path.Join(s.Data, "postgresql.auto.conf")
	content, err := s.Host.Read(ctx, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Host.Put(ctx, file, []byte(withoutMachineSettings(string(content))), 0o600, "")
}

// withoutMachineSettings is the content of a postgresql.auto.conf without such settings.
func withoutMachineSettings(content string) string {
	dropped := map[string]bool{}
	for _, o := range overrides {
		dropped[o.name] = true
	}
	for _, name := range machineSettings {
		dropped[name] = true
	}
	lines := strings.Split(content, "\n")
	for i, line := range lines {
		if options := ParseConf(line); len(options) == 1 && dropped[options[0][0]] {
			lines[i] = "# not in the drill: " + line
		}
	}
	return strings.Join(lines, "\n")
}

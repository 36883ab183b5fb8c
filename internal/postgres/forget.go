package postgres

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
)

// machine are the settings whose value must fit the machine, besides those the
// command line forces: a locale that is installed, a limit of the kernel.
var machine = []string{"lc_monetary", "lc_numeric", "lc_time", "max_stack_depth"}

// forget comments out, in the postgresql.auto.conf of the restored cluster, what
// only says on which machine it lived. Forcing another value is not enough: PostgreSQL
// checks what stands in the file all the same, and a locale that is not installed
// here would keep it from starting.
func (s *Server) forget(ctx context.Context) error {
	file := path.Join(s.Data, "postgresql.auto.conf")
	content, err := s.Host.Read(ctx, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Host.Put(ctx, file, []byte(forgetful(string(content))), 0o600, "")
}

// forgetful is the content of a postgresql.auto.conf without such settings.
func forgetful(content string) string {
	unwanted := map[string]bool{}
	for _, o := range overrides {
		unwanted[o.name] = true
	}
	for _, name := range machine {
		unwanted[name] = true
	}
	lines := strings.Split(content, "\n")
	for i, line := range lines {
		if options := ParseConf(line); len(options) == 1 && unwanted[options[0][0]] {
			lines[i] = "# not in the drill: " + line
		}
	}
	return strings.Join(lines, "\n")
}

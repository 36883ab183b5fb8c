package drill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/suite"
)

// machine answers commands by their program's name, for steps that are judged without one.
type machine struct {
	answers map[string]answer // "df", "pgbackrest version"; the longest that fits
	files   map[string]string
	ran     []string
	kept    time.Time
	err     error // of Keep, Destroy and Gone, in turn
	ends    []string
	bounds  map[string]time.Duration // of the programs that ran under a deadline
}

type answer struct {
	stdout string
	err    error
}

var (
	_           sandbox.Sandbox   = (*machine)(nil)
	_           sandbox.Installer = (*installer)(nil)
	errGone                       = errors.New("no such container")
	errNotThere                   = fmt.Errorf("postgres: %w", host.ErrNotFound)
)

func (m *machine) Run(ctx context.Context, c host.Command) (host.Result, error) {
	if deadline, bound := ctx.Deadline(); bound && m.bounds != nil {
		m.bounds[path.Base(c.Argv[0])] = time.Until(deadline)
	}
	line := path.Base(c.Argv[0]) + " " + strings.Join(c.Argv[1:], " ")
	m.ran = append(m.ran, line)
	best := ""
	for known := range m.answers {
		program, word, _ := strings.Cut(known, " ")
		if path.Base(c.Argv[0]) == program && strings.Contains(line, word) && len(known) > len(best) {
			best = known
		}
	}
	if best == "" {
		return host.Result{}, &host.ExitError{Argv: c.Argv, Code: 1}
	}
	return host.Result{Stdout: []byte(m.answers[best].stdout)}, m.answers[best].err
}

func (m *machine) Name() string           { return "box" }
func (m *machine) Dir(name string) string { return "/box/" + name }
func (m *machine) Put(context.Context, string, []byte, fs.FileMode, string) error {
	return m.err
}

func (m *machine) Read(_ context.Context, name string) ([]byte, error) {
	if content, ok := m.files[name]; ok {
		return []byte(content), nil
	}
	return nil, fs.ErrNotExist
}

func (m *machine) Dial(context.Context, string, string) (net.Conn, error) { return nil, errGone }

func (m *machine) end(how string) error {
	m.ends = append(m.ends, how)
	return m.err
}

func (m *machine) Keep(_ context.Context, until time.Time) error {
	m.kept = until
	return m.end("keep")
}
func (m *machine) Destroy(context.Context) error { return m.end("destroy") }
func (m *machine) Gone(context.Context) error    { return m.end("gone") }

// installer is a machine that can fetch packages; what is there then, after tells.
type installer struct {
	machine
	fetched []string
	after   map[string]answer
	failed  error
}

func (i *installer) Install(_ context.Context, packages []string) error {
	i.fetched, i.answers = packages, i.after
	return i.failed
}

// on is a sandbox that was launched for a set of PostgreSQL 15, made by pgBackRest 2.45.
func on(box sandbox.Sandbox, set pgbackrest.Backup) provisioned {
	set.Backrest.Version = "2.45"
	var info pgbackrest.Stanza
	info.DB = append(info.DB, pgbackrest.Cluster{ID: 1, RepoKey: 1, SystemID: 7, Version: "15"})
	r := ready{plan: plan{info: info, set: set, backups: []pgbackrest.Backup{set}}}
	r.Settings.Repo, r.Version = 1, "2.45"
	return provisioned{
		launched: launched{ready: r, box: box},
		repo:     repository.Client{Pgbackrest: &pgbackrest.Client{Host: box, Stanza: "demo", Repo: 1}},
	}
}

// undoing is something to undo that the machine remembers.
func undoing(m *machine, what string) func(context.Context, suite.Out) error {
	return func(context.Context, suite.Out) error { return m.end(what) }
}

package acceptance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
)

const (
	stanza   = "demo"
	seedTime = 20 * time.Minute // bound of each stage of the seeding
)

// seed is a repository nobody touches: cases work on copies of it.
type seed struct {
	dir     string // holds data/repo and etc/pgbackrest.conf; for S3 only the latter
	origin  string // the machine's directory
	backups []pgbackrest.Backup
	marks   map[string]mark // "end" is what the newest backup and the whole archive hold
	names   map[string]string
	store   *store // nil for a posix repository
}

// opened are the machines to take down in the end.
var opened struct {
	sync.Mutex
	sources     []source.Source
	directories []string // of what they stood on
}

func closeSeeds() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	for _, s := range opened.sources {
		if err := s.Close(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "acceptance:", err)
		}
	}
	for _, dir := range opened.directories {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "acceptance:", err)
		}
	}
}

// newCluster seeds a cluster with few rows on a machine of its own.
func newCluster(ctx context.Context, seeded *source.Seeded, name string) (*cluster, error) {
	machine, err := process.Provider{}.Launch(ctx, sandbox.Spec{Stanza: stanza, Run: name})
	if err != nil {
		return nil, err
	}
	seeded.Machine, seeded.Stanza = machine, stanza
	opened.Lock()
	opened.sources = append(opened.sources, seeded)
	opened.Unlock()
	_, err = seeded.Open(ctx, func(string, ...any) {})
	return &cluster{Seeded: seeded, user: "postgres"}, err
}

// settle is a seed of a cluster after some stages: at the restore point "end", archived up to there, and stopped.
func (c *cluster) settle(
	ctx context.Context, name string, marks map[string]mark, stages ...func() error,
) (*seed, error) {
	if err := inOrder(append(stages,
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.archive(ctx) },
		func() error { return c.Stop(ctx) },
	)...); err != nil {
		return nil, err
	}
	return c.freeze(ctx, name, marks)
}

// freeze copies the repository as it is now, with what is known about it.
func (c *cluster) freeze(ctx context.Context, name string, marks map[string]mark) (*seed, error) {
	s := &seed{dir: filepath.Join(base, name), origin: c.Machine.Name(), marks: marks, names: map[string]string{}}
	if err := os.MkdirAll(filepath.Join(s.dir, "data"), 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(s.dir, "etc"), 0o755); err != nil {
		return nil, err
	}
	if c.Store == nil {
		repository := filepath.Join(c.Machine.Dir("data"), "repo")
		if err := copyTree(repository, filepath.Join(s.dir, "data", "repo")); err != nil {
			return nil, err
		}
	}
	if err := copyTree(c.Machine.Dir("etc")+"/.", filepath.Join(s.dir, "etc")); err != nil {
		return nil, err
	}
	return s, s.ask(ctx, c)
}

// ask learns the names of backups, and of the segments the faults are about.
func (s *seed) ask(ctx context.Context, c *cluster) error {
	answer, err := c.Machine.Run(ctx, host.Command{Argv: []string{
		"pgbackrest", "--config=" + filepath.Join(c.Machine.Dir("etc"), "pgbackrest.conf"), "--stanza=" + stanza,
		"info", "--output=json",
	}})
	if err != nil {
		return err
	}
	info, err := pgbackrest.ParseInfo(answer.Stdout)
	if err != nil {
		return err
	}
	s.backups = info.Backups(1)
	newest := s.backups[len(s.backups)-1]
	s.names["newest"], s.names["full"], s.names["stop"] = newest.Label, s.backups[0].Label, newest.Archive.Stop
	s.names["fullstop"] = s.backups[0].Archive.Stop
	s.names["wal"] = "archive/" + stanza + "/" + info.ArchiveID(newest)
	if s.hasFiles() {
		segments, err := s.segments()
		if err != nil || len(segments) < 5 {
			return errors.Join(fmt.Errorf("the seed has only %d segments", len(segments)), err)
		}
		s.names["middle"], s.names["last"] = segments[len(segments)-3], segments[len(segments)-1]
	}
	for name, m := range s.marks {
		s.names[name+".lsn"], s.names[name+".time"] = m.lsn, m.at.UTC().Format(time.RFC3339Nano)
	}
	return nil
}

func (s *seed) hasFiles() bool {
	_, err := os.Stat(filepath.Join(s.dir, "data", "repo"))
	return err == nil
}

// segments are the names of the archived segments, in the order of their timelines.
func (s *seed) segments() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "data/repo/archive", stanza, "*-1/*/*-*"))
	var names []string
	for _, file := range files {
		if name, _, ok := strings.Cut(filepath.Base(file), "-"); ok && len(name) == 24 {
			names = append(names, name)
		}
	}
	return names, err
}

// copyTree is cp -a: owners, modes and times are part of a repository.
func copyTree(from, to string) error {
	said, err := exec.Command("cp", "-a", from, to).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cp -a %s %s: %w: %s", from, to, err, said)
	}
	return nil
}

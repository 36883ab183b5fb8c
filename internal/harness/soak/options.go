package soak

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"veza.fr/recovery/internal/harness/drilltest"
)

// ask is one drill of a source: its options, what it is called in the line, and what is
// done to the source while it runs.
type ask struct {
	name   string
	args   []string
	before func(context.Context) error
	during func(context.Context, *drilltest.Unattended) error
}

// checksFile asks what the load keeps true: rows young enough where somebody writes.
const checksFile = `- name: users
  query: SELECT count(*) FROM users
  min: 1
- name: mailless
  query: SELECT count(*) FROM users WHERE email = ''
  equals: 0
- name: age
  query: SELECT max(created_at) FROM users
  max_age: 1h
`

// asks are the drills of one source, perSource of them. The end of the archive comes first:
// it is what production drills.
func (s *site) asks(r *rand.Rand, only, scratch string) ([]ask, error) {
	checks := filepath.Join(scratch, "checks.yml")
	if err := os.WriteFile(checks, []byte(checksFile), 0o644); err != nil { //nolint:gosec // user postgres reads it
		return nil, err
	}
	label := s.labels[r.IntN(len(s.labels))]
	primary := "host=" + s.Machine.Dir("run") + " port=5432 user=postgres dbname=postgres sslmode=disable"
	more := []ask{
		{name: "latest"},
		{name: "set " + label, args: []string{"-set", label}},
		{name: "lsn", args: []string{"-target", "lsn:" + s.mark.lsn}},
		{name: "time", args: []string{"-target", "time:" + s.mark.at.UTC().Format(time.RFC3339Nano)}},
		{name: "name", args: []string{"-target", "name:" + markName}},
		{name: "checks", args: []string{"-checks", checks}},
		{name: "primary", args: []string{"-primary", primary}},
		{name: "expire", during: s.expire},
		{name: "switchover", during: s.switchDuring},
		{name: "backup", during: s.backUpDuring},
		{name: "failover", before: s.growTail, during: s.failDuring},
		{name: "full-expire", during: s.replaceDuring},
	}
	if s.hasDiff {
		more = append(more, ask{name: "latest-diff", args: []string{"-set", "latest-diff"}})
	}
	if s.mix.load == idleHours { // its archive was made older than the moment in it: no file can be so
		more = slices.DeleteFunc(more, func(a ask) bool { return a.name == "time" })
	}
	r.Shuffle(len(more), func(i, j int) { more[i], more[j] = more[j], more[i] })
	list := append([]ask{{name: "latest"}}, more[:perSource-1]...)
	if only != "" {
		list = slices.DeleteFunc(more, func(a ask) bool { return a.name != only })
	}
	// What changes the source for good comes last.
	slices.SortStableFunc(list, func(a, b ask) int { return weight(a) - weight(b) })
	for i := range list {
		list[i].args = append([]string{"-conf", s.conf, "-stanza", s.stanza()}, list[i].args...)
	}
	return list, nil
}

func weight(a ask) int {
	return map[string]int{"backup": 1, "switchover": 2, "failover": 3, "expire": 4, "full-expire": 5}[a.name]
}

func (s *site) stanza() string { return s.Seeded.Stanza }

// expire removes the set that the drill has pinned.
func (s *site) expire(ctx context.Context, f *drilltest.Unattended) error {
	if err := f.Reach(ctx, "launch", stepTime); err != nil {
		return err
	}
	return s.Pgbackrest(ctx, "expire", "--set="+s.labels[len(s.labels)-1])
}

// switchDuring fails production over while the drill restores.
func (s *site) switchDuring(ctx context.Context, f *drilltest.Unattended) error {
	if err := f.Reach(ctx, "restore", stepTime); err != nil {
		return err
	}
	return s.switchOver(ctx)
}

// backUpDuring takes a backup while the drill restores.
func (s *site) backUpDuring(ctx context.Context, f *drilltest.Unattended) error {
	if err := f.Reach(ctx, "launch", stepTime); err != nil {
		return err
	}
	return s.Pgbackrest(ctx, "backup", "--type=incr")
}

// failDuring lets production die while the drill restores: what the primary archived
// last, and the drill has seen, is on no timeline any more.
func (s *site) failDuring(ctx context.Context, f *drilltest.Unattended) error {
	if err := f.Reach(ctx, "launch", stepTime); err != nil {
		return err
	}
	s.traffic.pause()
	defer s.traffic.resume()
	return s.takeOver(ctx)
}

// replaceDuring takes a full backup and lets all that was before it expire, while the drill restores.
func (s *site) replaceDuring(ctx context.Context, f *drilltest.Unattended) error {
	if err := f.Reach(ctx, "launch", stepTime); err != nil {
		return err
	}
	return s.Pgbackrest(ctx, "backup", "--type=full", "--repo1-retention-full=1")
}

package soak

import (
	"context"
	"path/filepath"
)

func (s *site) data() string { return filepath.Join(s.Machine.Dir("data"), "pg") }

func (s *site) ctl(ctx context.Context, args ...string) error {
	return s.run(ctx, append([]string{filepath.Join(s.BinDir, "pg_ctl"), "-s", "-w", "-D", s.data()}, args...)...)
}

// inOrder runs stages until one fails.
func inOrder(stages ...func() error) error {
	for _, stage := range stages {
		if err := stage(); err != nil {
			return err
		}
	}
	return nil
}

// promote starts the stopped cluster as a standby that has all it will ever get, and
// promotes it: a new timeline.
func (s *site) promote(ctx context.Context) error {
	return inOrder(
		func() error {
			return s.Machine.Put(ctx, filepath.Join(s.data(), "standby.signal"), nil, 0o600, "")
		},
		func() error { return s.Start(ctx) },
		func() error { return s.ctl(ctx, "promote") },
	)
}

// switchOver stops the primary in good order before.
func (s *site) switchOver(ctx context.Context) error {
	s.traffic.pause()
	defer s.traffic.resume()
	return inOrder(
		func() error { return s.ctl(ctx, "stop", "-m", "fast") },
		func() error { return s.promote(ctx) },
	)
}

// failOver lets the primary archive a tail that its standby never got, and die.
func (s *site) failOver(ctx context.Context) error {
	s.traffic.pause()
	defer s.traffic.resume()
	return inOrder(
		func() error { return s.growTail(ctx) },
		func() error { return s.takeOver(ctx) },
	)
}

func (s *site) standby() string { return s.data() + ".standby" }

// growTail leaves a standby behind, and lets the primary archive more.
func (s *site) growTail(ctx context.Context) error {
	return inOrder(
		func() error { return s.ctl(ctx, "stop", "-m", "fast") },
		func() error { return s.run(ctx, "cp", "-a", s.data(), s.standby()) },
		func() error { return s.Start(ctx) },
		func() error { return s.sql(ctx, `CREATE TABLE lost AS SELECT i FROM generate_series(1, 50000) i`) },
		func() error { return s.Archive(ctx) },
		func() error {
			return s.sql(ctx, `CREATE TABLE lost_too AS SELECT i FROM generate_series(1, 50000) i`)
		},
		func() error { return s.Archive(ctx) },
	)
}

// takeOver puts the standby in the place of the primary, which dies.
func (s *site) takeOver(ctx context.Context) error {
	return inOrder(
		func() error { return s.ctl(ctx, "stop", "-m", "immediate") },
		func() error { return s.run(ctx, "rm", "-rf", s.data()) },
		func() error { return s.run(ctx, "mv", s.standby(), s.data()) },
		func() error { return s.promote(ctx) },
		func() error {
			return s.sql(ctx, `CREATE TABLE IF NOT EXISTS after_all AS SELECT i FROM generate_series(1, 5000) i`)
		},
		func() error { return s.Archive(ctx) },
	)
}

// crash kills the primary in the middle of its work, and starts it again.
func (s *site) crash(ctx context.Context) error {
	return inOrder(
		func() error { return s.sql(ctx, `CREATE TABLE in_flight AS SELECT i FROM generate_series(1, 50000) i`) },
		func() error { return s.ctl(ctx, "stop", "-m", "immediate") },
		func() error { return s.Start(ctx) },
	)
}

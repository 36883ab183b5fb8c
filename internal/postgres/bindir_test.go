package postgres

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// shelf is a machine with some servers, by what their programs are called with.
type shelf struct {
	host.Host
	says map[string]string
}

func (s shelf) Run(_ context.Context, c host.Command) (host.Result, error) {
	said, ok := s.says[c.Argv[0]]
	if !ok {
		return host.Result{}, host.ErrNotFound
	}
	return host.Result{Stdout: []byte(said)}, nil
}

// made is a machine that is made of an image.
type made struct{ shelf }

func (made) Image() string                  { return "some/image:1" }
func (made) OtherImage(major string) string { return "build " + major }

const (
	fifteen   = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"
	seventeen = "postgres (PostgreSQL) 17.12\n"
	eighteen  = "postgres (PostgreSQL) 18beta1\n"
)

// The server of the backup's major version is found wherever it may be, beside others too.
func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		says map[string]string
		want Installation
	}{
		"Debian's": {map[string]string{
			"/usr/lib/postgresql/17/bin/postgres": seventeen,
			"/usr/lib/postgresql/15/bin/postgres": fifteen, "ls": "15\n17\n",
		}, Installation{"/usr/lib/postgresql/17/bin", "17.12"}},
		"Red Hat's": {
			map[string]string{"/usr/pgsql-17/bin/postgres": seventeen},
			Installation{"/usr/pgsql-17/bin", "17.12"},
		},
		"pg_config's": {
			map[string]string{"pg_config": "/opt/pg/bin\n", "/opt/pg/bin/postgres": seventeen},
			Installation{"/opt/pg/bin", "17.12"},
		},
	} {
		found, err := Find(t.Context(), shelf{says: c.says}, "17")
		require.NoError(t, err, name)
		assert.Equal(t, c.want, found, name)
	}
}

// What is there, what is needed, and what to type: on this machine a package, else an image.
func TestFind_OfAnotherVersion(t *testing.T) {
	others := map[string]string{
		"ls": "13\n15\n18\nREADME\n", "/usr/lib/postgresql/15/bin/postgres": fifteen,
		"/usr/lib/postgresql/18/bin/postgres": eighteen,
		"pg_config":                           "/usr/lib/postgresql/15/bin\n",
	}
	for name, c := range map[string]struct {
		h    host.Host
		why  reason.Reason
		says string
	}{
		"others here": {
			shelf{says: others},
			reason.VersionMismatch,
			"the backup is of PostgreSQL 17, and this machine has only 15.18 and 18beta1: " +
				"install it with: apt-get install postgresql-17",
		},
		"others in the image": {
			made{shelf{says: others}},
			reason.VersionMismatch,
			"the backup is of PostgreSQL 17, and image some/image:1 has only 15.18 and 18beta1: build 17",
		},
		"none here": {shelf{}, reason.ToolMissing, "apt-get install postgresql-17"},
		"none in the image": {
			made{},
			reason.ToolMissing,
			"the backup is of PostgreSQL 17, and image some/image:1 has no server programs: build 17",
		},
		"a program that says nothing": {
			shelf{says: map[string]string{"/usr/lib/postgresql/17/bin/postgres": "?"}}, reason.ToolMissing, `"?"`,
		},
	} {
		_, err := Find(t.Context(), c.h, "17")
		why, _ := reason.Of(err)
		assert.Equal(t, c.why, why, name)
		assert.ErrorContains(t, err, c.says, name)
	}
}

// A machine that cannot be asked is no machine without the program.
func TestFind_NotAsked(t *testing.T) {
	gone := errors.New("gone")
	_, err := Find(t.Context(), broken{err: gone}, "17")
	require.ErrorIs(t, err, gone)
}

type broken struct {
	host.Host
	err error
}

func (b broken) Run(context.Context, host.Command) (host.Result, error) { return host.Result{}, b.err }

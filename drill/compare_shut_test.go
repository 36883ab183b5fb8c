package drill

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/compare"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/standby"
	"veza.fr/recovery/internal/suite"
)

// seededHere is a cluster of this machine, and a session on it.
func seededHere(t *testing.T) (s *source.Seeded, conn *pgx.Conn) {
	t.Helper()
	env := bind()
	if testing.Short() || !env.Local {
		t.Skip("it needs a PostgreSQL on this machine")
	}
	here := env.Sandbox(settings.Settings{})
	box, err := here.Launch(t.Context(), sandbox.Spec{Stanza: "demo", Run: "comparetest"})
	require.NoError(t, err)
	s = &source.Seeded{Machine: box, Rows: 10}
	t.Cleanup(func() { assert.NoError(t, s.Close(context.Background())) })
	_, err = s.Open(t.Context(), t.Logf)
	require.NoError(t, err)
	conn, err = s.Connect(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // what was written is committed
	return s, conn
}

// A role that the superuser's first database keeps out is asked in those that let it in, for what all databases share
// as well.
func TestAskHeld_TheFirstDatabaseIsShut(t *testing.T) {
	s, conn := seededHere(t)
	_, err := conn.Exec(t.Context(), `CREATE ROLE veza_compare LOGIN BYPASSRLS IN ROLE pg_read_all_data`)
	require.NoError(t, err)
	server := &postgres.Server{
		Host: s.Machine, Installation: postgres.Installation{BinDir: s.BinDir},
		Socket: s.Machine.Dir("run"), Port: int(conn.Config().Port), User: conn.Config().User, Home: "template1",
	}
	r := restored{provisioned: provisioned{launched: launched{box: s.Machine}}}
	r.Settings.CompareBudget = 2 * time.Minute
	r.compared = &comparison{}
	listed := func() (shut bool) {
		t.Helper()
		side, failed := r.askHeld(t.Context(), suite.NewOut(&recorder{}), server,
			asking{role: "veza_compare", parts: compare.Side.Askable})
		require.NoError(t, failed)
		assert.Contains(t, side.Databases, "postgres")
		assert.Contains(t, side.Objects, compare.ID{OID: 1262}, "pg_database, which all databases share")
		assert.Empty(t, side.LeftOut)
		assert.Len(t, side.Digests, len(compare.Parts(side.Objects)))
		return side.Refused["template1"].Code == "42501"
	}
	assert.False(t, listed())
	_, err = conn.Exec(t.Context(), `REVOKE CONNECT ON DATABASE template1 FROM PUBLIC`)
	require.NoError(t, err)
	assert.True(t, listed(), "it is named as any other database that keeps the role out")

	side, err := r.askHeld(t.Context(), suite.NewOut(&recorder{}), server,
		asking{role: "nobody", parts: compare.Side.Askable})
	require.NoError(t, err)
	assert.True(t, side.NoLogin(), "%v", side.Refused)
	r.compared.frozen.Side = compare.NewSide()
	r.compared.frozen.Side.Databases = []string{"postgres"}
	r.compared.standby = &standby.Standby{Identity: standby.Identity{User: "nobody"}}
	result := r.compared.against(side)
	err = r.compared.keptOut(side, &result, func() bool { return false })
	requireReason(t, reason.StandbyUnusable, err, "it was dropped on production")
	require.ErrorContains(t, err, `lets role nobody in: postgres: `)
	assert.Empty(t, result.Differences)
	require.NoError(t, r.compared.keptOut(side, &result, func() bool { return true }))
	require.Len(t, result.Differences, 1)
	assert.Equal(t, "pg_catalog.pg_authid, which all databases share: role nobody may log in on the standby, "+
		"not in the clone", result.Differences[0].String())
	side.Refused["postgres"] = compare.Refusal{Code: "42501", Why: "a right is missing"}
	result = r.compared.against(side)
	err = r.compared.keptOut(side, &result, func() bool { return true })
	requireReason(t, reason.StandbyUnusable, err, "another reason")
	side.Databases = []string{"app"}
	require.NoError(t, r.compared.keptOut(side, &result, nil), "one lets it in")
}

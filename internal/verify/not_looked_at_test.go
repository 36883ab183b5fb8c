package verify

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/hosttest"
	"veza.fr/recovery/internal/reason"
)

// What a relation cannot be looked at for is a note, unless this machine lacks it: then nothing was learned, and no
// check has passed.
func TestNotLookedAt(t *testing.T) {
	r := relation{database: "app", name: "public.t", kind: "m"}
	says := map[string]func(answer *pgconn.PgError) ([]Outcome, string){
		"amcheck":              func(a *pgconn.PgError) ([]Outcome, string) { return amcheckCall{}.failed(r, a) },
		"a query of full_read": func(a *pgconn.PgError) ([]Outcome, string) { return copyFailed(r, a, true) },
		"any other":            func(a *pgconn.PgError) ([]Outcome, string) { return notLookedAt(r, a) },
		"what full_read says": func(a *pgconn.PgError) ([]Outcome, string) {
			if found := notLearned(r, a); found != nil {
				return found, ""
			}
			return nil, "full_read has it"
		},
	}
	for code, want := range map[string]reason.Reason{
		"53200": reason.SandboxFailed, "53100": reason.DiskSpace, "58030": reason.SandboxFailed,
		"53400": reason.SandboxFailed,
		// its own twins
		"42883": reason.None, "55P03": reason.None, "54000": reason.None, raisedByData: reason.None,
	} {
		for who, say := range says {
			found, note := say(&pgconn.PgError{Code: code, Message: "it could not"})
			if want == reason.None {
				assert.Empty(t, found, "%s %s", who, code)
				assert.NotEmpty(t, note, "%s %s", who, code)
				continue
			}
			if assert.Len(t, found, 1, "%s %s", who, code) {
				assert.Equal(t, want, found[0].Reason, "%s %s", who, code)
				assert.Contains(t, found[0].Sentence, "materialized view public.t in database app: it could not")
			}
			assert.Empty(t, note, "%s %s", who, code)
		}
	}
	assert.Empty(t, notLearned(r, &pgconn.PgError{Code: diskFull, File: "pl_exec.c"}), "a function of the data says so")
}

// A row that this machine has no memory for is not said to be larger than 1 GB.
func TestByColumns(t *testing.T) {
	for code, large := range map[string]bool{outOfMemory: false, programLimit: true, internalError: true} {
		for kind, dump := range map[string]bool{"r": large, "m": false} {
			note := byColumns(relation{database: "app", name: "public.t", kind: kind}, &pgconn.PgError{Code: code})
			assert.Contains(t, note, "public.t in database app", code)
			assert.Contains(t, note, "read column by column", code)
			for words, want := range map[string]bool{
				"more than 1 GB": large, "not enough memory": !large, "pg_dump cannot dump": dump,
			} {
				if want {
					assert.Contains(t, note, words, code)
				} else {
					assert.NotContains(t, note, words, code)
				}
			}
		}
	}
}

// A question about a table that fails is passed over, but for want of what this machine should have.
func TestPassedOver(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a PostgreSQL")
	}
	c := hosttest.StartCluster(t)
	conn, err := pgx.Connect(t.Context(), "host="+c.Dir+" user="+hosttest.Superuser+" dbname=postgres")
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	r := relation{database: "postgres", name: "public.t", kind: "r"}
	for code, want := range map[string]int{"53200": 1, "53100": 1, "58030": 1, "55P03": 0, "42501": 0, "XX001": 0} {
		found, ended := passedOver(t.Context(), conn, r, &pgconn.PgError{Code: code, File: "mcxt.c"})
		require.NoError(t, ended)
		assert.Len(t, found, want, code)
	}
	_, err = passedOver(t.Context(), conn, r, &pgconn.PgError{Code: "57P01", File: "postgres.c"})
	require.Error(t, err, "the session is over")
}

package verify

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// A library that this machine cannot load is this machine's lack, whoever met it: a full read, amcheck, a query of the
// catalog, a check of the operator's. Damage with the same codes stays damage, and a function that does not exist
// stays a query that failed.
func TestMissingLibrary(t *testing.T) {
	for name, c := range map[string]struct {
		answer              pgconn.PgError
		read, index, asking reason.Reason
	}{
		"gone": {
			pgconn.PgError{Code: "58P01", File: "dfmgr.c", Message: `could not access file "$libdir/vector"`},
			reason.ToolMissing, reason.ToolMissing, reason.ToolMissing,
		},
		"of another build": {
			pgconn.PgError{Code: "XX000", File: "dfmgr.c", Message: `incompatible library "/lib/rum.so"`},
			reason.ToolMissing, reason.ToolMissing, reason.ToolMissing,
		},
		"older": {
			pgconn.PgError{
				Code: "42883", File: "dfmgr.c", Message: `could not find function "halfvec_send" in file "vector.so"`,
			},
			reason.ToolMissing, reason.ToolMissing, reason.ToolMissing,
		},
		"not preloaded": {
			pgconn.PgError{
				Severity: "FATAL", Code: "XX000", File: "extension_utils.c",
				Message: `extension "timescaledb" must be preloaded`,
			},
			reason.ToolMissing, reason.ToolMissing, reason.ToolMissing,
		},
		"damage": {
			pgconn.PgError{Code: "XX000", File: "nbtpage.c", Message: "right sibling is not next"},
			reason.PageChecksum, reason.IndexCorrupt, reason.SmokeQuery,
		},
		"damaged page": {
			pgconn.PgError{
				Code: "XX001", File: "bufmgr.c", Message: `invalid page in block 1 of relation base/5/16384`,
			},
			reason.PageChecksum, reason.PageChecksum, reason.PageChecksum,
		},
		"damaged pages, from 18 on": {
			pgconn.PgError{
				Code: "XX001", File: "bufmgr.c",
				Message: `2 invalid pages among blocks 0..4 of relation "base/5/16384"`,
			},
			reason.PageChecksum, reason.PageChecksum, reason.PageChecksum,
		},
		"lost file": {
			pgconn.PgError{Code: "58P01", File: "md.c", Message: `could not open file "base/5/1"`},
			reason.PageChecksum, reason.IndexCorrupt, reason.PageChecksum,
		},
		"no such function": {
			pgconn.PgError{Code: "42883", File: "parse_func.c", Message: "function gone() does not exist"},
			reason.SmokeQuery, "", reason.SmokeQuery,
		},
	} {
		found, _ := copyFailed(relation{kind: "r", name: "public.item"}, &c.answer, false)
		require.Len(t, found, 1, name)
		assert.Equal(t, c.read, found[0].Reason, name)

		found, note := amcheckCall{}.failed(relation{kind: "i", name: "public.item_n"}, &c.answer)
		if c.index == "" {
			assert.Empty(t, found, name)
			assert.NotEmpty(t, note, name)
		} else if assert.Len(t, found, 1, name) {
			assert.Equal(t, c.index, found[0].Reason, name)
		}

		o, err := (Check{Name: "it", Database: "app"}).errorOutcome(t.Context(), nil, &c.answer, true)
		require.NoError(t, err)
		assert.Equal(t, c.asking, o.Reason, name)

		asked := fmt.Errorf("database app: %w", &c.answer)
		o, err = (Outcome{}).failedByAnswer(asked)
		why, _ := reason.Of(WithCodeReason(asked))
		switch c.read {
		case reason.SmokeQuery:
			assert.Equal(t, asked, err, name)
			assert.Empty(t, why, name)
		default:
			assert.NoError(t, err, name)
			assert.Equal(t, c.read, o.Reason, name)
			assert.Equal(t, c.read, why, name)
		}
		if c.read == reason.ToolMissing {
			assert.Contains(t, o.Sentence, c.answer.Message, name)
			assert.Empty(t, o.damage, name)
		}
	}
}

package verify

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/reason"
)

// A sequence that cannot be compared keeps no other from it; what this machine lacks, and damage, are findings.
func TestFedColumnFailed(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		want reason.Reason
	}{
		"a name that another search_path has": {"42883", ""},
		"a lock":                              {"55P03", ""},
		"no memory":                           {"53200", reason.SandboxFailed},
		"no room":                             {"53100", reason.DiskSpace},
		"the disk does not answer":            {"58030", reason.SandboxFailed},
		"damage":                              {"XX001", reason.PageChecksum},
	} {
		found, notes := fedColumn{Sequence: "s", Table: "t"}.failed("app", &pgconn.PgError{Code: c.code}, "x")
		if c.want == "" {
			assert.Equal(t, []any{0, 1}, []any{len(found), len(notes)}, name)
			continue
		}
		if assert.Len(t, found, 1, name) {
			assert.Equal(t, c.want, found[0].Reason, name)
		}
	}
}

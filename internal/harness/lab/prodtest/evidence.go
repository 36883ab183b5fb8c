package prodtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/harness/lab"
)

// evidence: every drill so far, whatever its verdict, is a signed entry of a chain that is whole, and a page shows
// them. The key was made on the drill's host, and only root can read it.
func evidence(t *testing.T, p *production) {
	const (
		entries = "/var/lib/veza-evidence/entries/" + stanza
		page    = "/var/lib/veza-evidence/pages/" + stanza + ".html"
		key     = "/etc/veza-drill/drill.key"
	)
	assert.Equal(t, "600 root", p.on(t, lab.DrillHost, "stat", "-c", "%a %U", key))
	said := p.on(t, lab.DrillHost, "/opt/veza-drill/bin/evidence", "verify", entries, "-key", key+".pub")
	assert.Contains(t, said, "every signature is of the key")
	runs := p.on(t, lab.DrillHost, "sh", "-c", "wc -l </var/lib/veza-drill/drill-history.jsonl")
	assert.Equal(t, runs, p.on(t, lab.DrillHost, "sh", "-c", "wc -l <"+entries+"/ledger.jsonl"))
	drilltest.Eventually(t, "the page of the last drill", func() string {
		if p.on(t, lab.DrillHost, "find", page, "-newer", entries+"/ledger.jsonl") == "" {
			return "it is older than the last entry"
		}
		return ""
	})
	text := p.on(t, lab.DrillHost, "cat", page)
	assert.True(t, strings.HasSuffix(text, "</html>"), "it is whole")
	assert.Contains(t, text, "wal_missing", "the drill that was red")
	ended, err := p.state(t.Context(), lab.DrillHost, "pgbackrest-evidence")
	require.NoError(t, err)
	assert.Equal(t, "success", ended.Result)
}

package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A claim that did not hold, and that the next run does not ask, stays red, whoever leaves it out: -claims, or the run
// itself, to which a conf or a flag leaves nothing to ask with. One that held is missed by nobody.
func TestKnownRed_OfAClaimThatIsNotAskedAnyMore(t *testing.T) {
	const series = "# TYPE veza_backup_check_claim_last_run_timestamp_seconds gauge\n" +
		`veza_backup_check_claim_last_run_timestamp_seconds{stanza="demo",claim="CLAIM"} 1.7e9` + "\n"
	for claim, red := range map[string]bool{"rpo": true, "policy": false} {
		dir := t.TempDir()
		prom, path := filepath.Join(dir, "b.prom"), filepath.Join(dir, "r.json")
		text := bytes.ReplaceAll([]byte(series), []byte("CLAIM"), []byte(claim))
		require.NoError(t, os.WriteFile(prom, text, 0o600))
		w, out, errs := world(bytes.NewReader(stream(t, "backup-six")))
		args := []string{"-suite", "backup", "-textfile", prom, "-report", path}
		require.Equal(t, 0, Main(args, w), "%s%s", out, errs)
		if red {
			assert.Contains(t, read(t, prom), `veza_backup_check_last_success{reason="rpo_exceeded",stanza="demo"} 0`)
			assert.Contains(t, read(t, path), `"known_red": [`)
			assert.Contains(t, out.String(), "rpo did not hold when it was asked last, and was not asked now")
			assert.Contains(t, out.String(), "PASSED, BUT rpo STILL RED  backup checks of stanza demo")
			assert.Contains(t, out.String(), "remove "+prom)
		} else {
			assert.Contains(t, read(t, prom), `veza_backup_check_last_success{reason="none",stanza="demo"} 1`)
			assert.NotContains(t, read(t, path), "known_red")
			assert.NotContains(t, out.String(), "did not hold")
			assert.Contains(t, out.String(), "PASSED  backup checks of stanza demo")
		}
	}
}

package page

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// axe is the program that finds what keeps people from reading a page, as npm has it.
const (
	axePackage = "axe-core@4.14.1"
	axeDigest  = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
)

// axe brings its source.
func axe(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	pack := exec.CommandContext(t.Context(), "npm", "pack", "--silent", "--pack-destination", dir, axePackage)
	out, err := pack.CombinedOutput()
	require.NoError(t, err, "npm pack %s: %s (apt-get install npm)", axePackage, out)
	files, err := filepath.Glob(dir + "/*.tgz")
	require.NoError(t, err)
	require.Len(t, files, 1)
	out, err = exec.CommandContext(t.Context(), "tar", "-xzf", files[0], "-C", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	source, err := os.ReadFile(dir + "/package/axe.min.js")
	require.NoError(t, err)
	sum := sha256.Sum256(source)
	require.Equal(t, axeDigest, hex.EncodeToString(sum[:]))
	return string(source)
}

// Contrast by day and by night, names, roles, headings, tables: axe knows what is wrong with them.
func TestBrowser_AxeFindsNothing(t *testing.T) {
	b := newBrowser(t)
	source := axe(t)
	_, err := chromedp.Call(b.Context, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
	require.NoError(t, err)
	for name, l := range histories() {
		if name == "520-weeks" {
			continue // the same elements as the others, and minutes of them
		}
		path := filepath.Join(t.TempDir(), name+".html")
		require.NoError(t, os.WriteFile(path, []byte(rendered(t, name, l)), 0o600))
		for _, scheme := range []string{"light", "dark"} {
			_, err := chromedp.Call(b.Context, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			require.NoError(t, err)
			require.NoError(t, chromedp.Do(b.Context, chromedp.EmulateViewport(1280, 900),
				chromedp.Navigate("file://"+path)))
			eval[bool](t, b, source+"; true")
			found, err := chromedp.Run(b.Context, chromedp.Evaluate[[]string](
				`axe.run().then(r => r.violations.map(v =>
					v.id + ": " + v.help + " " + v.nodes.slice(0, 3).map(n => n.html)))`,
				chromedp.EvalAwaitPromise))
			require.NoError(t, err)
			assert.Empty(t, found, "%s, %s", name, scheme)
		}
	}
}

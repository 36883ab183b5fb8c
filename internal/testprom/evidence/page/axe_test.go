package page

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// axe is the program that finds what keeps people from reading a page, from the registry of npm packages.
const (
	axeAt     = "https://registry.npmjs.org/axe-core/-/axe-core-4.14.1.tgz"
	axeFile   = "package/axe.min.js"
	axeDigest = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
)

// axe brings its source.
func axe(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, axeAt, nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close() //nolint:errcheck // only read
	require.Equal(t, http.StatusOK, answer.StatusCode, axeAt)
	plain, err := gzip.NewReader(answer.Body)
	require.NoError(t, err)
	for files := tar.NewReader(plain); ; {
		header, err := files.Next()
		require.NoError(t, err, "%s has no %s", axeAt, axeFile)
		if header.Name != axeFile {
			continue
		}
		source, err := io.ReadAll(files)
		require.NoError(t, err)
		sum := sha256.Sum256(source)
		require.Equal(t, axeDigest, hex.EncodeToString(sum[:]))
		return string(source)
	}
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

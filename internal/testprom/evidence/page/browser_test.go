package page

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// browser is a real Chromium, and what it complains of.
type browser struct {
	context.Context

	mu   sync.Mutex
	said []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("needs chromium")
	}
	program, err := exec.LookPath("chromium")
	require.NoError(t, err, "chromium is missing: apt-get install chromium")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	// Debian's sandbox needs more rights than a container has, and the pages are our own.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(5*time.Minute), chromedp.UserDataDir(t.TempDir()))
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	b := &browser{}
	b.Context, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Listen(b.Context, func(event any) {
		if e, ok := event.(*log.EventEntryAdded); ok {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.said = append(b.said, e.Entry.Text)
		}
	}))
	_, err = chromedp.Call(b.Context, log.Enable, cdp.Empty{})
	require.NoError(t, err)
	return b
}

// eval evaluates an expression in the page.
func eval[T any](t *testing.T, b *browser, expression string) T {
	t.Helper()
	value, err := chromedp.Run(b.Context, chromedp.Evaluate[T](expression))
	require.NoError(t, err, expression)
	return value
}

// What a browser shows is what is in the history, at the width of a telephone and of a desk, with nothing asked of a
// network, and nothing that the page's own policy refuses.
func TestBrowser_ShowsEveryHistory(t *testing.T) {
	b := newBrowser(t)
	dir := t.TempDir()
	for name, l := range histories() {
		path := filepath.Join(dir, name+".html")
		require.NoError(t, os.WriteFile(path, []byte(rendered(t, name, l)), 0o600))
		for _, width := range []int64{390, 1280} {
			require.NoError(t, chromedp.Do(b.Context, chromedp.EmulateViewport(width, 900),
				chromedp.Navigate("file://"+path)))
			wide := eval[int64](t, b, `document.documentElement.scrollWidth`)
			assert.LessOrEqual(t, wide, width, "%s at %d overflows", name, width)
			runs := 0
			for _, e := range l.Entries {
				if e.Run != nil {
					runs++
				}
			}
			assert.Equal(t, runs, eval[int](t, b, `document.querySelectorAll(".runs tbody tr").length`), name)
			fetched := `performance.getEntriesByType("resource").length`
			assert.Zero(t, eval[int](t, b, fetched), "%s: something was fetched", name)
			empty := `[...document.querySelectorAll("svg[role=img]")].filter(s =>
				s.getBoundingClientRect().height < 10).length`
			assert.Zero(t, eval[int](t, b, empty), "%s: a chart that cannot be seen", name)
			outside := `[...document.querySelectorAll("svg[role=img]")].flatMap(s => { const v = s.viewBox.baseVal;
				return [...s.querySelectorAll("rect, path, circle, line")].filter(e => { const b = e.getBBox();
				return b.x < -1 || b.y < -1 || b.x + b.width > v.width + 1 || b.y + b.height > v.height + 1
				}) }).length`
			assert.Zero(t, eval[int](t, b, outside), "%s: drawn outside of its chart", name)
			if picture := os.Getenv("PAGE_PICTURES"); picture != "" {
				png, err := chromedp.Run(b.Context, chromedp.FullScreenshot(100))
				require.NoError(t, err)
				file := filepath.Join(picture, name+"-"+map[int64]string{390: "narrow", 1280: "wide"}[width]+".png")
				require.NoError(t, os.WriteFile(file, png, 0o600))
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.Empty(t, b.said)
}

func TestBrowser_IsReadByKeyboardPointerAndAtNight(t *testing.T) {
	b := newBrowser(t)
	path := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, os.WriteFile(path, []byte(rendered(t, "failures", histories()["failures"])), 0o600))
	require.NoError(t, chromedp.Do(b.Context, chromedp.EmulateViewport(1280, 900), chromedp.Navigate("file://"+path)))

	// The keyboard gets to everything that scrolls.
	regions := eval[int](t, b, `document.querySelectorAll("[role=region]").length`)
	require.Greater(t, regions, 5)
	reached := map[string]bool{}
	for range 4 * regions {
		require.NoError(t, chromedp.Do(b.Context, chromedp.KeyEvent("\t")))
		if eval[bool](t, b, `document.activeElement.getAttribute("role") === "region"`) {
			reached[eval[string](t, b, `document.activeElement.getAttribute("aria-labelledby")`)] = true
		}
	}
	assert.Len(t, reached, regions)

	// The pointer finds what a chart says there.
	place := eval[[]float64](t, b, `(() => {
		const e = document.querySelector("rect.hit"); e.scrollIntoView({block: "center"});
		const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] })()`)
	require.NoError(t, chromedp.Do(b.Context,
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, place[0], place[1])))
	assert.Equal(t, eval[string](t, b, `document.querySelector("rect.hit").dataset.tip`),
		eval[string](t, b, `document.querySelector(".tip").textContent`))
	assert.False(t, eval[bool](t, b, `document.querySelector(".tip").hidden`))

	// At night the paper is dark.
	background := `getComputedStyle(document.body).backgroundColor`
	for scheme, want := range map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"} {
		_, err := chromedp.Call(b.Context, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		require.NoError(t, err)
		assert.Equal(t, want, eval[string](t, b, background), scheme)
	}
}

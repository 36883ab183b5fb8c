package suite

import (
	"fmt"
	"os"
	"time"
)

// neverCached makes cmd/go run the suite every time, when nobody gives -count=1: it
// keeps no result of a test that looked at a file of its module which is younger than
// two seconds when the command has seen the test end (cmd/go/internal/test, hashOpen).
// A file of tomorrow is, however long that takes on a busy machine. Only what a test
// looks at counts, not what TestMain does.
//
// source is a file of the package: away from it, in a compiled test, there is no cache
// and nothing to do.
func neverCached(t test, source string) {
	t.Helper()
	const marker = ".last-run"
	if _, err := os.Stat(source); err != nil {
		return
	}
	touch := func() {
		// A read-only checkout is no fault of the backups; testprom gives -count=1 anyway.
		now := time.Now()
		_ = os.WriteFile(marker, []byte(fmt.Sprintln(now.UnixNano())), 0o600)
		_ = os.Chtimes(marker, now, now.Add(24*time.Hour))
		_, _ = os.Stat(marker)
	}
	touch()
	t.Cleanup(touch)
}

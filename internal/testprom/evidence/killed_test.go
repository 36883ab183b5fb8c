package evidence

import (
	"bufio"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Variables of the test binary run as a writer that is going to be killed.
const (
	writerDir  = "EVIDENCE_WRITER_DIR"
	writerStep = "EVIDENCE_WRITER_STEP" // the step at which it kills itself; 0 is never
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		os.Exit(write(dir))
	}
	os.Exit(m.Run())
}

// write appends entry after entry until it is killed, and prints the head of each that Append said is there.
func write(dir string) int {
	last, err := strconv.Atoi(os.Getenv(writerStep))
	if err != nil {
		return 3
	}
	step := 0
	killed = func(string) {
		if step++; step == last {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	for range 10_000 {
		a, err := Append(dir, begin, keyOf("drill"), func(p Place) (Statement, error) { return drilled(p), nil })
		if err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			return 4
		}
		_, _ = fmt.Fprintln(os.Stdout, a.Seq, a.Head)
	}
	return 5
}

// killedWriter runs a writer until it kills itself at a step, or, with none, until it is killed some time after one of
// its entries was there. It gives back the heads of those that it finished.
func killedWriter(t *testing.T, dir string, step int, random *rand.Rand) (finished map[int]string) {
	t.Helper()
	writer := exec.CommandContext(t.Context(), os.Args[0])
	writer.Env = append(os.Environ(), writerDir+"="+dir, writerStep+"="+strconv.Itoa(step))
	var errs strings.Builder
	writer.Stderr = &errs
	out, err := writer.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, writer.Start())
	finished = map[int]string{}
	entries := 1 + random.IntN(3)
	delay := time.Duration(random.IntN(5000)) * time.Microsecond
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var seq int
		var head string
		_, err = fmt.Sscan(lines.Text(), &seq, &head)
		require.NoError(t, err, lines.Text())
		finished[seq] = head
		if step == 0 && len(finished) == entries {
			time.AfterFunc(delay, func() { _ = writer.Process.Kill() })
		}
	}
	err = writer.Wait()
	status, ok := writer.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok && status.Signaled() && status.Signal() == syscall.SIGKILL, "%v: %s", err, errs.String())
	return finished
}

// truths are what a kill leaves, by the words that verify has for it.
var truths = map[string]*regexp.Regexp{
	"envelope begun": regexp.MustCompile(`^\.unfinished: a run was killed while it wrote its entry; the next run`),
	"no line": regexp.MustCompile(
		`^\d{6}\.dsse\.json is not named by the ledger: the line of the last entry was removed, or a run was killed`),
	"line cut":    regexp.MustCompile(`^line \d+ of ledger\.jsonl is cut: it was changed, or a run was killed while`),
	"nothing yet": regexp.MustCompile(`^ledger\.jsonl is empty: nothing was ever written, or all of it was removed$`),
}

func truthOf(f Finding) string {
	for name, words := range truths {
		if words.MatchString(f.Text) {
			return name
		}
	}
	return ""
}

// A writer is killed with SIGKILL in the middle of an entry, at every step and at random moments, over and over in one
// directory. No entry that Append had returned for is lost, verify says 0 or names what the kill left, and the next
// writer goes on and leaves a whole chain.
func TestAppend_KilledForReal(t *testing.T) {
	key := keyOf("drill")
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	dir := filepath.Join(t.TempDir(), "evidence")
	require.NoError(t, os.Mkdir(dir, 0o755))
	finished, left := map[int]string{}, map[string]int{}
	for round := range 40 {
		step := 0
		if round%2 == 0 {
			step = 1 + round/2%10 // every step of a repair, of the first entry and of those after it
		}
		for seq, head := range killedWriter(t, dir, step, random) {
			require.NotContains(t, finished, seq, "seed %d: written twice", seed)
			finished[seq] = head
		}
		found := verified(t, dir, key)
		for _, f := range found {
			require.NotEmpty(t, truthOf(f), "seed %d: %s", seed, f.Text)
			left[truthOf(f)]++
		}
		if round%3 != 0 {
			continue // the next writer to be killed finds what this one left
		}
		a := add(t, dir, begin, key)
		finished[a.Seq] = a.Head
		require.Equal(t, len(found) > 0, len(a.Repairs) > 0, "seed %d: %v, %v", seed, found, a.Repairs)
		require.Empty(t, verified(t, dir, key), "seed %d, round %d", seed, round)
	}
	add(t, dir, begin, key)
	l, err := Read(dir)
	require.NoError(t, err)
	require.Empty(t, l.Verify([]ed25519.PublicKey{publicOf(key)}), "seed %d", seed)
	for seq, head := range finished {
		require.Equal(t, head, l.Entries[seq-1].Hash, "seed %d: entry %d", seed, seq)
	}
	assert.Positive(t, left["envelope begun"], "seed %d: %v", seed, left)
	assert.Positive(t, left["no line"], "seed %d: %v", seed, left)
	t.Logf("%d entries, %d of them finished by their writer; kills left %v", len(l.Entries), len(finished), left)
}

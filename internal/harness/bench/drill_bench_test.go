package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host/process"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/source"
)

const (
	stanza = "bench"
	// rowsVariable sets the size of the database; the default makes about 1 GB.
	rowsVariable = "VEZA_BENCH_ROWS"
	defaultRows  = 3_500_000
	limit        = 20 * time.Minute // for everything
)

// environment is where raw commands and drill are timed.
type environment struct {
	tags     string // the drill's build tags
	provider sandbox.Provider
}

// BenchmarkDrill times both in scratch directories of this machine.
func BenchmarkDrill(b *testing.B) { compare(b, environment{"", process.Provider{}}) }

// compare prints, for each round, the seconds of the raw commands and of the drill;
// then their ratio and difference. Both go through the same S3 server.
func compare(b *testing.B, env environment) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), limit)
	defer cancel()
	conf, major := seed(ctx, b)
	drill := compile(ctx, b, env.tags)
	var raw, whole time.Duration
	rounds := 0
	for b.Loop() {
		r := rawCommands(ctx, b, env.provider, conf, major)
		w, size, parts := drillOnce(ctx, b, drill, conf)
		b.Logf("%.2f GB: raw %.2f s, drill %.2f s, ratio %.2f, difference %.2f s;%s",
			size/1e9, r.Seconds(), w.Seconds(), w.Seconds()/r.Seconds(), (w - r).Seconds(), parts)
		raw, whole, rounds = raw+r, whole+w, rounds+1
	}
	n := float64(rounds)
	b.ReportMetric(raw.Seconds()/n, "raw-s")
	b.ReportMetric(whole.Seconds()/n, "drill-s")
	b.ReportMetric(whole.Seconds()/raw.Seconds(), "ratio")
	b.ReportMetric((whole-raw).Seconds()/n, "more-s")
}

// seed makes the repository and stops its cluster, so that both sides have the machine to themselves.
// major is the version of PostgreSQL of its backups.
func seed(ctx context.Context, b *testing.B) (conf, major string) {
	b.Helper()
	machine, err := process.Provider{}.Launch(ctx, sandbox.Spec{Stanza: stanza + "-source", Run: "bench"})
	seeded := &source.Seeded{Machine: machine, Stanza: stanza, Rows: rows(b)}
	b.Cleanup(func() { require.NoError(b, seeded.Close(context.Background())) })
	require.NoError(b, err)
	seeded.Store, err = objectstore.Embedded(ctx)
	require.NoError(b, err)
	repository, err := seeded.Open(ctx, b.Logf)
	require.NoError(b, err)
	conn, err := seeded.Connect(ctx)
	require.NoError(b, err)
	const version = "SELECT (current_setting('server_version_num')::int / 10000)::text"
	require.NoError(b, conn.QueryRow(ctx, version).Scan(&major))
	require.NoError(b, conn.Close(ctx))
	require.NoError(b, seeded.Stop(ctx))
	return repository.Conf, major
}

func rows(b *testing.B) int {
	b.Helper()
	text := os.Getenv(rowsVariable)
	if text == "" {
		return defaultRows
	}
	n, err := strconv.Atoi(text)
	require.NoError(b, err, rowsVariable)
	return n
}

func compile(ctx context.Context, b *testing.B, tags string) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "drill.test")
	out, err := exec.CommandContext(ctx, "go", "test", "-c", "-tags", tags, "-o", binary,
		"veza.fr/recovery/drill").CombinedOutput()
	require.NoError(b, err, string(out))
	return binary
}

var (
	restored = regexp.MustCompile(`metric\.restored_bytes (\d+)`)
	step     = regexp.MustCompile(`--- PASS: TestDrill/(\w+) \(([\d.]+s)\)`)
)

// drillOnce runs the whole drill, from its start to its exit. size is what it restored,
// in bytes; parts are its steps and their times.
func drillOnce(
	ctx context.Context, b *testing.B, binary, conf string,
) (took time.Duration, size float64, parts string) {
	b.Helper()
	start := time.Now()
	out, err := exec.CommandContext(ctx, binary, "-test.v", "-test.timeout", "15m", "-conf", conf).CombinedOutput()
	took = time.Since(start)
	require.NoError(b, err, string(out))
	match := restored.FindSubmatch(out)
	require.NotNil(b, match, string(out))
	size, err = strconv.ParseFloat(string(match[1]), 64)
	require.NoError(b, err)
	for _, found := range step.FindAllSubmatch(out, -1) {
		parts += fmt.Sprintf(" %s %s", found[1], found[2])
	}
	return took, size, parts
}

package bench

import (
	"context"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var deeper = regexp.MustCompile(`deeper check (\w+): ok, ([\d.]+) s`)

// BenchmarkDeeperChecks times the drill without the deeper checks and with all of them, in turn, and prints
// what each of them takes.
func BenchmarkDeeperChecks(b *testing.B) {
	ctx, cancel := context.WithTimeout(b.Context(), limit)
	defer cancel()
	conf, _ := seed(ctx, b)
	drill := compile(ctx, b, "")
	var none, all time.Duration
	rounds := 0
	for b.Loop() {
		without, _ := timed(ctx, b, drill, conf, "none")
		with, said := timed(ctx, b, drill, conf, "all")
		parts := ""
		for _, found := range deeper.FindAllSubmatch(said, -1) {
			parts += " " + string(found[1]) + " " + string(found[2])
		}
		b.Logf("without %.2f s, with %.2f s;%s", without.Seconds(), with.Seconds(), parts)
		none, all, rounds = none+without, all+with, rounds+1
	}
	n := float64(rounds)
	b.ReportMetric(none.Seconds()/n, "none-s")
	b.ReportMetric(all.Seconds()/n, "all-s")
	b.ReportMetric(all.Seconds()/none.Seconds(), "ratio")
}

// timed is one whole drill with -deep.
func timed(ctx context.Context, b *testing.B, binary, conf, deep string) (time.Duration, []byte) {
	b.Helper()
	start := time.Now()
	said, err := exec.CommandContext(ctx, binary, "-test.v", "-test.timeout", "15m", "-conf", conf, "-deep", deep,
		"-rpo", "1h").
		CombinedOutput()
	require.NoError(b, err, string(said))
	return time.Since(start), said
}

//go:build drill && !ci

package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/host/incus"
	"veza.fr/recovery/internal/host/process"
)

// BenchmarkDrillIncus times raw commands and drill in throw-away Incus containers from the
// same image, on the source of 1 GB that the bench keeps in its cache.
func BenchmarkDrillIncus(b *testing.B) {
	ctx := b.Context()
	dir, err := os.UserCacheDir()
	require.NoError(b, err)
	kept, unlock, err := openCache(filepath.Join(dir, "veza-drill", "bench"))
	require.NoError(b, err)
	defer unlock()
	found, err := findVersions(ctx, process.Provider{})
	require.NoError(b, err)
	recipe := Options{Sizes: []float64{1}}.recipes(found)[0]
	source, there, err := kept.find(recipe)
	require.NoError(b, err)
	if !there {
		source, err = kept.made(ctx, process.Provider{}, recipe, b.Logf)
		require.NoError(b, err)
	}
	built := filepath.Join(b.TempDir(), "bin")
	require.NoError(b, drilltest.Build(built, "drill"))
	site, err := serve(ctx, process.Provider{}, source)
	defer func() { require.NoError(b, site.Close(context.WithoutCancel(ctx))) }()
	require.NoError(b, err)
	rows := rowsOf(recipe, nil)
	result := Result{Sources: []Source{source}}
	for b.Loop() {
		result.Rounds++
		byHand, failed := rawCommands(ctx, incus.Provider{Memory: 4 << 30}, site, rows[0])
		drill, err := programs(built).drill(ctx, site, rows[1], b.TempDir())
		require.NoError(b, errors.Join(failed, err))
		byHand.Round, drill.Round = result.Rounds, result.Rounds
		result.add(rows[0], byHand)
		result.add(rows[1], drill)
		b.Logf("drill %.2f s: %v", drill.Seconds, drill.Parts)
	}
	without, with := median(of(result.row(rows[0]), total)), median(of(result.row(rows[1]), total))
	b.ReportMetric(without, "raw-s")
	b.ReportMetric(with, "drill-s")
	b.ReportMetric(with/without, "ratio")
	b.ReportMetric(with-without, "more-s")
	b.Logf("\n%s", result.shareTable())
}

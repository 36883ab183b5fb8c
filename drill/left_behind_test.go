package drill

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
)

// leftAt is an archive whose timeline 1 was left in segment 4, archived at noon, and went on until it was that many
// minutes later; timeline 2 began half an hour after noon.
func leftAt(minutes int) (p plan) {
	const sum = "-0123456789abcdef0123456789abcdef01234567"
	file := func(name string, minute int) wal.File {
		return wal.File{Path: name, Size: 1, Time: noon.Add(time.Duration(minute) * time.Minute)}
	}
	p.archive.Archive = wal.NewArchive([]wal.File{
		file("000000010000000000000003"+sum, -1), file("000000010000000000000004"+sum, 0),
		file("000000010000000000000005"+sum, minutes), file("00000002.history", 30),
		file("000000020000000000000004"+sum, 31), file("000000020000000000000005"+sum, 32),
	}, segmentSize)
	p.chain = wal.Chain{Target: 2, Switches: []wal.Switch{{Timeline: 1, At: 0x4000028}}}
	p.set.Label = "20260823-020003F"
	return p
}

// What an earlier target has left behind is not taken for the moment of a later one. The seconds of a failover, which
// look the same, keep nobody from restoring; nor does what a drill has chosen itself.
func TestTellLeft(t *testing.T) {
	after := func(d time.Duration) target.Target { return at(noon.Add(d)) }
	const way = "recovery leaves timeline 1 at 0/4000028 for timeline 2"
	for name, c := range map[string]struct {
		to      target.Target
		minutes int
		refused bool
		words   string
	}{
		"minutes after the switch":    {after(7 * time.Minute), 20, true, "ends before " + stamp(noon) + ", and"},
		"a failover's seconds":        {after(7 * time.Second), 1, false, "if the target is after that place"},
		"before the switch":           {after(-2 * time.Minute), 20, false, ""},
		"timeline 1 was gone":         {after(21 * time.Minute), 20, false, ""},
		"timeline 2 had begun":        {after(31 * time.Minute), 40, false, ""},
		"it begins just now":          {after(30*time.Minute - time.Second), 40, false, "if the target is after"},
		"a position of both":          {lsnTarget("0/5000000"), 20, false, "that of timeline 2 comes back"},
		"a position of timeline 2":    {lsnTarget("0/6000000"), 20, false, ""},
		"the drill chooses":           {target.Target{Kind: target.Worst}, 20, false, ""},
		"a restore point":             {target.Target{Kind: target.Name, Name: "p"}, 20, false, ""},
		"to the end of the archive":   {target.Target{}, 20, false, ""},
		"a position before the place": {lsnTarget("0/4000000"), 20, false, ""},
	} {
		var found ready
		found.plan, found.Settings.Target = leftAt(c.minutes), c.to
		var heard recorder
		require.NoError(t, found.tellLeft(suite.NewOut(&heard)), "%s: a drill", name)
		assert.Equal(t, c.words != "", strings.Contains(heard.String(), way), name)
		assert.Contains(t, heard.String(), c.words, name)

		found.real = &nodeRestore{}
		err := found.tellLeft(suite.NewOut(&heard))
		assert.Contains(t, found.real.left, c.words, name)
		if c.refused {
			requireReason(t, reason.ConfigInvalid, err, name)
			require.ErrorContains(t, err, "--set=20260823-020003F --type=time --target=", name)
			require.ErrorContains(t, err, "--target-timeline=1 ", name)
			found.AcceptLoss = true
			err = found.tellLeft(suite.NewOut(&heard))
		}
		require.NoError(t, err, name)
		if c.words != "" {
			assert.Contains(t, strings.Join(found.real.elsewhere(origin{}), "\n"), c.words, name)
		}
	}
}

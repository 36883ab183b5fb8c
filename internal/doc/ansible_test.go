package doc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const drillScript = root + "/fixtures/ansible/roles/dr_drill/files/pgbackrest-drill"

// A shell takes 08 and 09 for bad octal numbers; they are weeks like others. Every fourth week it is the worst moment.
func TestDrillScript_RotatesByTheWeek(t *testing.T) {
	worst := 0
	for number := 1; number <= 53; number++ {
		week, want := fmt.Sprintf("%02d", number), "latest"
		said := want
		switch {
		case number%2 == 1:
			want, said = "latest-diff", "latest-diff"
		case number%4 == 0:
			want, said = "latest worst", "latest, target worst"
			worst++
		}
		output, err := drillSet(t, week, "rotate")
		require.NoError(t, err, output)
		assert.Equal(t, "ISO week "+week+": "+said+"\n"+want+"\n", output)
	}
	assert.Equal(t, 13, worst, "in a year")
	for _, set := range []string{"latest", "latest-diff", "20260823-020003F"} {
		output, err := drillSet(t, "08", set)
		require.NoError(t, err, output)
		assert.Equal(t, set+"\n", output)
	}
}

// -target does not go with -compare, which waits for the next week then. A target that was chosen stays.
func TestDrillScript_TheWorstMomentComparesNothing(t *testing.T) {
	standby := []string{"DRILL_COMPARE=standby", "DRILL_STANDBY=host=192.0.2.11"}
	for week, want := range map[string]string{"08": "latest worst\n", "10": "latest standby host=192.0.2.11\n"} {
		output, err := drillSet(t, week, "rotate", standby...)
		require.NoError(t, err, output)
		assert.Equal(t, want, output[strings.Index(output, "\n")+1:])
	}
	output, err := drillSet(t, "08", "rotate", "DRILL_COMPARE=sets")
	require.NoError(t, err)
	assert.Equal(t, "ISO week 08: latest, target worst\nlatest worst\n", output)
	output, err = drillSet(t, "08", "rotate", "DRILL_TARGET=name:before")
	require.NoError(t, err)
	assert.Equal(t, "ISO week 08: latest, target name:before\nlatest name:before\n", output)
}

// A drill to another target cannot say that what was red at the end of the archive is mended, and the newest diff may
// be older than the full that mends a hole.
func TestDrillScript_GoesToTheEndAfterARedVerdict(t *testing.T) {
	file := filepath.Join(t.TempDir(), "drill.prom")
	for said, want := range map[string]string{
		`veza_backup_drill_last_success{reason="rpo_exceeded",stanza="veza"} 0`: "latest\n",
		`veza_backup_drill_last_success{reason="none",stanza="veza"} 1`:         "latest worst\n",
		`  "verdict": "fail",`: "latest\n", `  "known_red": [`: "latest\n", `  "verdict": "pass",`: "latest worst\n",
		`  "backups": "at_fault",`: "latest\n", `  "backups": "restored",`: "latest worst\n",
	} {
		require.NoError(t, os.WriteFile(file, []byte(said+"\n"), 0o600))
		for week, usual := range map[string]string{"08": "latest worst\n", "09": "latest-diff\n"} {
			output, err := drillSet(t, week, "rotate", "TEXTFILE="+file)
			require.NoError(t, err, output)
			if want == "latest\n" {
				usual = want
			}
			assert.Equal(t, usual, output[strings.Index(output, "\n")+1:], week)
		}
	}
	output, err := drillSet(t, "08", "rotate", "TEXTFILE=/nowhere")
	require.NoError(t, err, output)
	assert.Contains(t, output, "worst", "nothing was drilled yet")
}

// A script that cannot tell the week, or has no command, drills nothing and says so.
func TestDrillScript_FailsWithoutAWeek(t *testing.T) {
	output, err := drillSet(t, "", "rotate")
	require.Error(t, err)
	assert.NotContains(t, output, "latest")

	said, err := exec.CommandContext(t.Context(), drillScript, "latest").CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(said), "usage: pgbackrest-drill")
}

// drillSet runs the script in a week, with a command that prints the set, and target and comparison where there are
// some; week "" is a date that fails.
func drillSet(t *testing.T, week, set string, settings ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	date := "#!/bin/sh\n[ \"$*\" = '-u +%V' ] && [ -n '" + week + "' ] && echo " + week + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "date"), []byte(date), 0o755)) //nolint:gosec // a program
	command := exec.CommandContext(t.Context(), drillScript, set, "sh", "-c",
		"echo $DRILL_SET $DRILL_TARGET $DRILL_COMPARE $DRILL_STANDBY")
	for _, setting := range settings {
		if file, given := strings.CutPrefix(setting, "TEXTFILE="); given {
			command.Args = append(command.Args, "testprom", "-textfile", file, "-report", file)
		}
	}
	command.Env = append([]string{"PATH=" + dir + ":/usr/bin:/bin"}, settings...)
	output, err := command.CombinedOutput()
	return string(output), err
}

// The play stops where Debian's collectors write into another directory: that is said where the play is prepared, with
// the directory that it asks for then.
func TestAnsible_SaysBeforehandWhereDebiansCollectorsWrite(t *testing.T) {
	text := func(path string) string {
		content, err := os.ReadFile(root + "/fixtures/ansible/" + path)
		require.NoError(t, err)
		return string(content)
	}
	_, usual, found := strings.Cut(text("roles/drill_monitoring/vars/main.yml"), "__drill_monitoring_exporter_usual: ")
	require.True(t, found)
	usual, _, _ = strings.Cut(usual, "\n")
	for _, page := range []string{"README.md", "inventory.example/group_vars/all/main.yml"} {
		assert.Contains(t, text(page), "dr_drill_textfile_dir: "+usual, page)
		assert.Contains(t, text(page), "prometheus-node-exporter-collectors", page)
	}
}

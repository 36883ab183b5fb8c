package doc

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const drillScript = root + "/fixtures/ansible/roles/dr_drill/files/pgbackrest-drill"

// A shell takes 08 and 09 for bad octal numbers; they are weeks like others.
func TestDrillScript_RotatesByTheWeek(t *testing.T) {
	for week, set := range map[string]string{
		"01": "latest-diff", "02": "latest", "07": "latest-diff", "08": "latest",
		"09": "latest-diff", "10": "latest", "52": "latest", "53": "latest-diff",
	} {
		output, err := drillSet(t, week, "rotate")
		require.NoError(t, err, output)
		assert.Equal(t, "ISO week "+week+": "+set+"\n"+set+"\n", output)
	}
	for _, set := range []string{"latest", "latest-diff", "20260823-020003F"} {
		output, err := drillSet(t, "09", set)
		require.NoError(t, err, output)
		assert.Equal(t, set+"\n", output)
	}
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

// drillSet runs the script in a week, with a command that prints the set; week "" is a date
// that fails.
func drillSet(t *testing.T, week, set string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	date := "#!/bin/sh\n[ \"$*\" = '-u +%V' ] && [ -n '" + week + "' ] && echo " + week + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "date"), []byte(date), 0o755)) //nolint:gosec // a program
	command := exec.CommandContext(t.Context(), drillScript, set, "sh", "-c", "echo $DRILL_SET")
	command.Env = []string{"PATH=" + dir + ":/usr/bin:/bin"}
	output, err := command.CombinedOutput()
	return string(output), err
}

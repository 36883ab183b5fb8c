package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// systemctl stands for systemd, which has no unit here: Prometheus is told to reload by HTTP,
// with nothing that a bare machine lacks.
const systemctl = `#!/bin/bash
case "$1" in
  show) echo LoadState=loaded; echo ActiveState=active ;;
  reload)
    exec 3<>/dev/tcp/%s && printf 'POST /-/reload HTTP/1.0\r\n\r\n' >&3
    read -r _ status _ <&3 && [ "$status" = 200 ] ;;
  *) exit 1 ;;
esac
`

// A play that stops behind the copies leaves rules that nobody has read; the next one changes none of them.
func TestRole_LoadsWhatAStoppedPlayHasLeft(t *testing.T) {
	t.Parallel()
	long(t)
	dir := t.TempDir()
	rules, config := filepath.Join(dir, "rules"), filepath.Join(dir, "prometheus.yml")
	write := func(path, text string, mode os.FileMode) {
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
	}
	// Entries that are not indented, of files that are called otherwise.
	write(config, "rule_files:\n- "+rules+"/*.rules\n- first_*.yml\n", 0o600)
	prometheus := serve(t, "prometheus", "--config.file="+config, "--web.enable-lifecycle",
		"--storage.tsdb.path="+filepath.Join(dir, "data"))
	write(filepath.Join(dir, "systemctl"), fmt.Sprintf(systemctl, strings.ReplaceAll(prometheus, ":", "/")), 0o700)
	me, err := user.Current()
	require.NoError(t, err)
	variables, err := json.Marshal(map[string]any{
		"drill_monitoring_owner":     me.Username,
		"drill_monitoring_rules_dir": rules, "drill_monitoring_prometheus_config": config,
		"drill_monitoring_alertmanager_dir": dir, "drill_monitoring_url": "http://" + prometheus,
		"drill_monitoring_expected": []any{map[string]string{"stanza": "demo"}},
	})
	require.NoError(t, err)
	write(filepath.Join(dir, "play.yml"), fmt.Sprintf(
		`[{hosts: localhost, gather_facts: false, vars: %s, roles: [drill_monitoring]}]`, variables), 0o600)

	said, err := play(t, dir, "-e", "drill_monitoring_promtool=/bin/false")
	require.Error(t, err, said)
	loaded, err := api(prometheus).rules(t.Context(), controlGroup)
	require.NoError(t, err)
	require.Empty(t, loaded, "nobody was to reload yet")

	said, err = play(t, dir)
	require.NoError(t, err, said)
	loaded, err = api(prometheus).rules(t.Context(), controlGroup)
	require.NoError(t, err)
	assert.NotEmpty(t, loaded)
	assert.NotContains(t, said, "changed=0 ", "it was reloaded")
}

// play applies the play of a directory to this machine, which gives it nothing but the directory.
func play(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	program, err := exec.LookPath("ansible-playbook")
	require.NoError(t, err, "ansible-playbook is missing: .ci/packages ansible-playbook")
	roles, err := filepath.Abs(fixtures + "ansible/roles")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	args = append(args, "-i", "localhost,", "-c", "local", filepath.Join(dir, "play.yml"))
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "ANSIBLE_ROLES_PATH="+roles, "ANSIBLE_NOCOWS=1",
		"ANSIBLE_LOCAL_TEMP="+dir, "ANSIBLE_REMOTE_TEMP="+dir, "ANSIBLE_NOCOLOR=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

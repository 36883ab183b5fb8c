package settings_test

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/policy"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/target"
)

// load parses args as a test binary would, then validates.
func load(t *testing.T, args []string, environ ...string) (settings.Settings, error) {
	t.Helper()
	fs := flag.NewFlagSet("drill.test", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	pending := settings.Register(fs)
	require.NoError(t, fs.Parse(args), "the flag package must never be the one to refuse a value")
	return pending.Load(environ)
}

func TestLoad_DefaultsAreTheContract(t *testing.T) {
	got, err := load(t, nil, "PATH=/bin", "HOME=/root")
	require.NoError(t, err)
	assert.Equal(t, settings.Settings{
		Repo: 1, Set: settings.SetLatest, Database: "postgres", MinUsers: 1,
		RTO: 30 * time.Minute, RPO: 2 * time.Minute, Rows: 100_000, GetAsync: "auto",
		Deep: []string{
			"invalid_indexes",
			"collations",
			"extensions",
			"files",
			"lost_rows",
			"sequences",
			"full_read",
			"amcheck",
			"unique_keys",
			"page_checksums",
		}, CheckBudget: 10 * time.Minute,
		Compare: settings.CompareNone, CompareBudget: 30 * time.Minute, CompareLag: 5 * time.Minute,
		FullAge: 192 * time.Hour, BackupAge: 30 * time.Hour, Memory: 4 << 30, Reserve: 15, Project: "default",
		Policy: policy.Mission(),
	}, got)
}

// A minimum of 1 that somebody asked for is another thing than the one that is there by default.
func TestLoad_SaysWhetherAMinimumWasGiven(t *testing.T) {
	for name, given := range map[string][2][]string{
		"flag": {{"-min-users=1"}, nil}, "own name": {nil, {"MIN_USERS_EXPECTED=1"}},
		"variable": {nil, {"DRILL_MIN_USERS=1"}},
	} {
		got, err := load(t, given[0], given[1]...)
		require.NoError(t, err, name)
		assert.True(t, got.MinUsersGiven, name)
	}
}

// A standby that nobody asks is a mistake, and no secret of its string is ever shown.
func TestLoad_Compare(t *testing.T) {
	_, err := load(t, []string{"-standby", "host=db2"})
	assert.ErrorContains(t, err, "-compare is none: give `-compare standby` with it")
	_, err = load(t, []string{"-compare", "sets", "-standby", "host=db2"})
	assert.ErrorContains(t, err, "-compare is sets: give `-compare standby` with it")
	_, err = load(t, []string{"-compare", "primary"})
	assert.ErrorContains(t, err, "must be none, standby or sets")
	s, err := load(t, []string{"-compare", "sets"})
	require.NoError(t, err)
	assert.Equal(t, settings.CompareSets, s.Compare)
	_, err = load(t, []string{"-compare", "standby", "-standby", "host=db2 password=hunter2"})
	require.ErrorContains(t, err, "holds a password")
	assert.NotContains(t, err.Error(), "hunter2")
}

// A file that is there is never written over, nor what a link names that leads nowhere yet.
func TestSuggest_WantsANewFile(t *testing.T) {
	dir := t.TempDir()
	there, link := filepath.Join(dir, "there.yaml"), filepath.Join(dir, "link.yaml")
	require.NoError(t, os.WriteFile(there, []byte("mine"), 0o600))
	require.NoError(t, os.Symlink(filepath.Join(dir, "nowhere"), link))
	for _, path := range []string{there, link} {
		_, err := load(t, []string{"-suggest", path})
		assert.ErrorContains(t, err, path+" is there already")
	}
	_, err := load(t, []string{"-suggest", filepath.Join(dir, "none", "new.yaml")})
	assert.ErrorContains(t, err, "there is no directory")
}

func TestLoad_EveryFlagAndEveryVariableReachesItsField(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "pgbackrest.conf")
	require.NoError(t, os.WriteFile(conf, nil, 0o600))
	fresh := filepath.Join(t.TempDir(), "new.yaml")
	held := policyFile(t, "retention_full: 8\nretention_archive: 8")
	values := map[string]string{
		"conf": conf, "stanza": "main", "repo": "2", "set": "20260823-020003F_20260824-020001D",
		"repo-target-time": "2026-08-18T05:59:30+02:00",
		"target":           "name:before", "database": "Élise's", "min-users": "7", "checks": conf,
		"keep": "true", "suggest": fresh,
		"seed": "42", "state": conf, "deep": "amcheck,sequences", "check-budget": "3m", "require-readonly": "true",
		"rto": "1h", "rpo": "90s", "get-async": "off", "primary": "service=main", "write": "true",
		"claims": "integrity,archive", "verify-cycle": "7d", "node-cpus": "4", "node-memory": "16GiB",
		"policy": held, "full-age": "25h", "backup-age": "26h",
		"image": "veza/pg:15", "rows": "10",
		"install": "true", "memory": "512MiB", "cpus": "3", "disk": "20GB", "reserve": "5%", "incus-remote": "backup",
		"incus-project": "drills", "incus-target": "@drill",
		"compare": "standby", "standby": "service=main target_session_attrs=standby",
		"compare-budget": "2h", "compare-lag": "9m", "compare-rate": "50MB",
	}
	t.Setenv("PGSERVICEFILE", serviceFile(t))
	want := settings.Settings{
		Conf: conf, Stanza: "main", Repo: 2, Set: "20260823-020003F_20260824-020001D",
		RepoTargetTime: time.Date(2026, 8, 18, 3, 59, 30, 0, time.UTC),
		Target:         target.Target{Kind: target.Name, Name: "before"}, Database: "Élise's", MinUsers: 7,
		MinUsersGiven: true, BackupAgeGiven: true, Checks: conf, Suggest: fresh,
		Seed: 42, State: conf, Deep: []string{"sequences", "amcheck"}, CheckBudget: 3 * time.Minute,
		RequireReadonly: true, GetAsync: "off",
		Keep: true, RTO: time.Hour, RPO: 90 * time.Second, Primary: "service=main", Write: true,
		Compare: settings.CompareStandby, Standby: "service=main target_session_attrs=standby",
		CompareBudget: 2 * time.Hour, CompareLag: 9 * time.Minute, CompareRate: 50_000_000,
		Policy:  policyOf(t, held),
		FullAge: 25 * time.Hour, BackupAge: 26 * time.Hour, Image: "veza/pg:15", Rows: 10,
		Install: true, Memory: 512 << 20, CPUs: 3, Disk: 20_000_000_000, Remote: "backup", Project: "drills",
		Member:  "@drill",
		Reserve: 5, NodeCPUs: 4, NodeMemory: 16 << 30,
		Claims: []string{"archive", "integrity"}, VerifyCycle: 7 * 24 * time.Hour,
	}
	var args, environ []string
	for _, s := range settings.Table {
		value, ok := values[s.Flag]
		require.True(t, ok, "this test does not know -%s", s.Flag)
		args = append(args, "-"+s.Flag+"="+value)
		for _, name := range s.Variables {
			environ = append(environ, name+"="+value)
		}
	}
	for name, given := range map[string][2][]string{"flags": {args, nil}, "variables": {nil, environ}} {
		t.Run("by="+name, func(t *testing.T) {
			got, err := load(t, given[0], given[1]...)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

// The ages follow the policy's calendar, but for those that somebody gave.
func TestLoad_AgesFollowThePolicy(t *testing.T) {
	held := policyFile(t, "full: Wed,Sun *-*-* 02:00:00 UTC\ndiff: '*-*-* 02,14:00:00 UTC'")
	s, err := load(t, []string{"-policy", held})
	require.NoError(t, err)
	assert.Equal(t, 120*time.Hour, s.FullAge)
	assert.Equal(t, 18*time.Hour, s.BackupAge)
	s, err = load(t, []string{"-full-age", "200h"}, "DRILL_POLICY="+held, "DRILL_BACKUP_AGE=20h")
	require.NoError(t, err)
	assert.Equal(t, held, s.Policy.File)
	assert.Equal(t, 200*time.Hour, s.FullAge)
	assert.Equal(t, 20*time.Hour, s.BackupAge)

	_, err = load(t, nil, "DRILL_POLICY="+policyFile(t, "retention_full: many"))
	got, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, got)
	assert.ErrorContains(t, err, `policy.yml:1: retention_full: "many" must be a whole number`)
}

func policyFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func policyOf(t *testing.T, path string) policy.Policy {
	t.Helper()
	p, err := policy.Read(path)
	require.NoError(t, err)
	return p
}

func TestLoad_AFlagWinsOverItsVariable(t *testing.T) {
	got, err := load(t, []string{"-stanza", "flag", "-keep=false"}, "DRILL_STANZA=variable", "DRILL_KEEP=true",
		"DRILL_REPO=3")
	require.NoError(t, err)
	assert.Equal(t, "flag", got.Stanza)
	assert.False(t, got.Keep)
	assert.Equal(t, 3, got.Repo)
}

func TestLoad_RelativePathsBecomeAbsolute(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("my.conf", nil, 0o600))
	got, err := load(t, []string{"-conf=my.conf"})
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(got.Conf), got.Conf)
	assert.Equal(t, "my.conf", filepath.Base(got.Conf))
}

func TestLoad_BadInputIsOneErrorThatNamesItsOrigin(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		args, environ []string
		says          []string
	}{
		"flag value":     {args: []string{"-repo=0"}, says: []string{`-repo="0"`, "1 to 256"}},
		"variable value": {environ: []string{"DRILL_RTO=30"}, says: []string{`DRILL_RTO="30"`, "unit"}},
		"no users": {
			environ: []string{"MIN_USERS_EXPECTED=0"}, says: []string{`MIN_USERS_EXPECTED="0"`, "more than 0"},
		},
		"negative users":     {args: []string{"-min-users=-4"}, says: []string{`-min-users="-4"`}},
		"fraction of a user": {args: []string{"-min-users=1e3"}, says: []string{"whole number"}},
		"no rows":            {args: []string{"-rows=0"}, says: []string{`-rows="0"`, "more than 0"}},
		"no way to get":      {args: []string{"-get-async=maybe"}, says: []string{`-get-async="maybe"`, "auto, on"}},
		"no time":            {args: []string{"-rpo=0s"}, says: []string{`-rpo="0s"`, "more than 0"}},
		"empty flag":         {args: []string{"-stanza="}, says: []string{"-stanza is set but empty"}},
		"empty variable": {
			environ: []string{"DRILL_MIN_USERS="}, says: []string{"DRILL_MIN_USERS is set but empty"},
		},
		"unknown variable": {
			environ: []string{"DRILL_STANSA=x", "DRILL_A=hush"}, says: []string{"DRILL_A, DRILL_STANSA: no setting"},
		},
		"variables that fight": {
			environ: []string{"MIN_USERS_EXPECTED=5", "DRILL_MIN_USERS=6"},
			says:    []string{"MIN_USERS_EXPECTED", "DRILL_MIN_USERS", "contradict"},
		},
		"a bool that is none": {args: []string{"-keep=perhaps"}, says: []string{`-keep="perhaps"`, "true or false"}},
		"a word left over": {
			args: []string{"-keep", "true", "-conf=/x"}, says: []string{"2 word(s)", "-keep=true"},
		},
		"conf is not there": {
			args: []string{"-conf=" + dir + "/no.conf"}, says: []string{"no file " + dir + "/no.conf", "absolute"},
		},
		"conf is a directory": {
			environ: []string{"DRILL_CONF=" + dir}, says: []string{"DRILL_CONF", dir + " is no regular file"},
		},
		"two faults at once": {
			args: []string{"-repo=x", "-set=newest"}, says: []string{`-repo="x"`, `-set="newest"`},
		},
		"stanza is an option": {args: []string{"-stanza=--config"}, says: []string{"no stanza name"}},
		"stanza is global":    {args: []string{"-stanza=global"}, says: []string{"no stanza"}},
		"stanza is a command": {args: []string{"-stanza=global:restore"}, says: []string{"no stanza"}},
		"stanza is a path":    {args: []string{"-stanza=../x"}, says: []string{"no stanza name"}},
		"stanza has an end":   {args: []string{"-stanza=a\nb"}, says: []string{"no stanza name"}},
		"stanza has a blank":  {args: []string{"-stanza= a"}, says: []string{"no stanza name"}},
		"database is blank":   {args: []string{"-database= "}, says: []string{"no database name"}},
		"memory has no unit":  {args: []string{"-memory=lots"}, says: []string{`-memory="lots"`, "4GiB"}},
		"disk is too small":   {environ: []string{"DRILL_DISK=1MiB"}, says: []string{"DRILL_DISK", "too small"}},
		"project is an option": {
			args: []string{"-incus-project=--all"}, says: []string{"-incus-project", "is no name"},
		},
		"a row without a way": {args: []string{"-write"}, says: []string{"-write", "no -primary"}},
		"no age": {
			environ: []string{"DRILL_BACKUP_AGE=0s"}, says: []string{`DRILL_BACKUP_AGE="0s"`, "more than 0"},
		},
		"age has no unit": {args: []string{"-full-age=8"}, says: []string{`-full-age="8"`, "unit"}},
		"no deeper check": {
			args: []string{"-deep=amcheck,vacuum"}, says: []string{"-deep", `"vacuum" is no deeper check`},
		},
		"state has no home": {
			args: []string{"-state=" + dir + "/none/state.json"}, says: []string{"no directory " + dir + "/none"},
		},
		"image is two words": {args: []string{"-image=a b"}, says: []string{"is no name"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.args, c.environ...)
			require.Error(t, err)
			got, _ := reason.Of(err)
			assert.Equal(t, reason.ConfigInvalid, got)
			for _, text := range c.says {
				assert.Contains(t, err.Error(), text)
			}
			assert.NotContains(t, err.Error(), "\n")
			assert.NotContains(t, err.Error(), "hush", "a variable nobody knows may hold a secret")
		})
	}
}

func TestLoad_EqualUserVariablesAgree(t *testing.T) {
	got, err := load(t, nil, "MIN_USERS_EXPECTED=5", "DRILL_MIN_USERS=5")
	require.NoError(t, err)
	assert.EqualValues(t, 5, got.MinUsers)
}

func TestLoad_VariablesOfTheEnvironmentsAreKnown(t *testing.T) {
	_, err := load(t, nil, "DRILL_REQUIRE_DOCKER=1", "DRILL_INCUS_PROJECT=x", "DRILL_INCUS_REMOTE=y",
		"DRILL_MINIO_IMAGE=z")
	assert.NoError(t, err)
}

func TestLoad_AnUnreadableConfIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "closed.conf")
	require.NoError(t, os.WriteFile(path, nil, 0))
	_, err := load(t, []string{"-conf", path})
	if os.Geteuid() == 0 {
		assert.NoError(t, err, "root reads every file")
		return
	}
	assert.ErrorContains(t, err, "cannot read "+path)
}

func TestLoad_ALongValueIsCutInItsMessage(t *testing.T) {
	_, err := load(t, []string{"-set=" + strings.Repeat("x", 100_000)})
	require.Error(t, err)
	assert.Less(t, len(err.Error()), 1000)
}

// serviceFile is a libpq service file with a service named main.
func serviceFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pg_service.conf")
	require.NoError(t, os.WriteFile(path, []byte("[main]\nhost=db1,db2\nuser=drill\npassword=fine-here\n"), 0o600))
	return path
}

// A cycle without a memory would read the same share every day.
func TestLoad_ACycleNeedsAState(t *testing.T) {
	_, err := load(t, []string{"-verify-cycle=7d"})
	require.ErrorContains(t, err, "there is no -state: name a file")
	_, err = load(t, []string{"-verify-cycle=7d", "-state=" + filepath.Join(t.TempDir(), "state.json")})
	require.NoError(t, err)
}

package settings_test

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/target"
)

func TestParseTarget(t *testing.T) {
	moment := time.Date(2026, 8, 23, 3, 59, 30, 500_000_000, time.UTC)
	for value, want := range map[string]target.Target{
		"time:2026-08-23T03:59:30.5Z":      {Kind: target.Time, Time: moment},
		"time:2026-08-23T05:59:30.5+02:00": {Kind: target.Time, Time: moment},
		"lsn:0/7000028":                    {Kind: target.LSN, LSN: "0/7000028"},
		"lsn:00a/0000ff":                   {Kind: target.LSN, LSN: "A/FF"},
		"name:before the: upgrade":         {Kind: target.Name, Name: "before the: upgrade"},
	} {
		got, err := target.Parse(value)
		require.NoError(t, err, value)
		assert.True(t, want.Time.Equal(got.Time), value)
		got.Time = want.Time
		assert.Equal(t, want, got, value)
	}
	for _, value := range []string{
		"", "time", "time:", "now", "xid:7", "Time:2026-08-23T03:59:30Z",
		"time:2026-08-23 03:59:30+00", "time:2026-08-23T03:59:30", "time:2026-02-30T00:00:00Z",
		"lsn:", "lsn:0/0", "lsn:7000028", "lsn:0/", "lsn:/1", "lsn:0/1/2", "lsn:123456789/0", "lsn:0/+1", "lsn:0/0x1",
		"lsn:-1/1",
		"name:", "name: ", "name:a\nb", "name:\x00", "name:" + string(make([]byte, 64)),
	} {
		_, err := target.Parse(value)
		assert.Error(t, err, "%q", value)
	}
}

// The past is known by seconds; what is to come, and what depends on a clock's place, is none.
func TestRepoTargetTime_IsAMomentThatIsOver(t *testing.T) {
	for _, value := range []string{"2026-08-18T03:59:30Z", "2026-08-18T05:59:30+02:00", "2026-08-18T03:59:30.9Z"} {
		got, err := load(t, []string{"-repo-target-time", value})
		require.NoError(t, err, value)
		assert.Equal(t, time.Date(2026, 8, 18, 3, 59, 30, 0, time.UTC), got.RepoTargetTime, value)
	}
	for _, value := range []string{
		"now", "2026-08-18", "2026-08-18T03:59:30", "2026-08-18 03:59:30+00", "2999-01-01T00:00:00Z",
	} {
		_, err := load(t, []string{"-repo-target-time", value})
		require.ErrorContains(t, err, "-repo-target-time", value)
	}
	got, err := load(t, nil)
	require.NoError(t, err)
	assert.True(t, got.RepoTargetTime.IsZero())
}

func TestSet_TakesWordsAndLabelsOnly(t *testing.T) {
	for _, value := range []string{
		"latest", "latest-diff", "20260823-020003F", "20260823-020003F_20260824-020001D",
		"20260823-020003F_20260824-020001I",
	} {
		got, err := load(t, []string{"-set", value})
		require.NoError(t, err, value)
		assert.Equal(t, value, got.Set)
	}
	for _, value := range []string{
		"newest", "latest " +
			"", "20260823-020003", "20260823-020003D", "20260823-020003F_20260824-020001F", "20260823-020003F\n",
		"x20260823-020003F",
	} {
		_, err := load(t, []string{"-set", value})
		assert.Error(t, err, "%q", value)
	}
}

func TestPrimary_TakesWhatLibpqTakesWithoutASecret(t *testing.T) {
	t.Setenv("PGSERVICEFILE", serviceFile(t))
	t.Setenv("PGPASSWORD", "not-in-the-string")
	for _, value := range []string{
		"host=db1,db2 port=5432 dbname=veza user=drill target_session_attrs=read-write",
		"host = db1 passfile = /etc/veza/pgpass",
		"service=main",
		"postgres://drill@db1:5432,db2:5432/veza?target_session_attrs=read-write&sslmode=require",
		"postgresql:///veza?host=/run/postgresql",
	} {
		got, err := load(t, []string{"-primary", value})
		require.NoError(t, err, value)
		assert.Equal(t, value, got.Primary)
	}
}

func TestPrimary_NeverRepeatsASecret(t *testing.T) {
	for value, says := range map[string]string{
		"host=db1 password=hush":                                   "holds a password",
		"host=db1 password = 'hu sh'":                              "holds a password",
		"host=db1 password=":                                       "holds a password",
		"host=db1 sslpassword=hush":                                "holds a password",
		"host=db1 sslmode=verify-ca sslrootcert=/no password=hush": "holds a password",
		"postgres://drill:hush@db1/veza":                           "holds a password",
		"postgres://drill@db1/veza?password=hush":                  "holds a password",
		"postgres://drill@db1/veza?sslpassword=hush":               "holds a password",
		"postgres://drill:hu:sh@db1:x/veza":                        "no libpq string",
		"postgres://drill:hu%sh@db1/veza":                          "no libpq string",
		"host=db1 pasword=hush":                                    "no libpq string",
		"host=db1 password=hush port=x":                            "no libpq string",
		"hush":                                                     "no libpq string",
		"host=db1 passfile='hush":                                  "no libpq string",
		"host=db1 sslmode=verify-ca sslrootcert=/no/such/root.crt": "/no/such/root.crt",
	} {
		for name, given := range map[string][2][]string{
			"-primary": {{"-primary", value}, nil}, "DRILL_PRIMARY": {nil, {"DRILL_PRIMARY=" + value}},
		} {
			_, err := load(t, given[0], given[1]...)
			require.ErrorContains(t, err, name+": ", value)
			assert.ErrorContains(t, err, says, value)
			assert.NotContains(t, err.Error(), "hu", value)
		}
	}
}

// FuzzParseTarget: whatever is taken is written back as the same target.
func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"time:2026-08-23T05:59:30.5+02:00", "lsn:A/00FF", "name:x", "xid:1", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := target.Parse(value)
		if err != nil {
			return
		}
		require.NotEqual(t, target.End, got.Kind, "a target that was given never means the end of the archive")
		again, err := target.Parse(got.String())
		require.NoError(t, err)
		require.Equal(t, got.String(), again.String())
		require.True(t, got.Time.Equal(again.Time))
	})
}

// FuzzLoad: no value of any setting makes loading crash, or weakens a bound.
func FuzzLoad(f *testing.F) {
	for _, s := range settings.Table {
		f.Add(s.Flag, s.Default)
	}
	f.Add("primary", "postgres://a:b@c:1,d:2/e?password=f")
	f.Fuzz(func(t *testing.T, name, value string) {
		fs := flag.NewFlagSet("drill.test", flag.ContinueOnError)
		pending := settings.Register(fs)
		if fs.Set(name, value) != nil {
			return
		}
		got, err := pending.Load(nil)
		if err != nil {
			return
		}
		require.Positive(t, got.MinUsers)
		require.Positive(t, got.Rows)
		require.Positive(t, got.RTO)
		require.Positive(t, got.RPO)
		require.NotEmpty(t, got.Set)
		require.NotEmpty(t, got.Database)
	})
}

// A stanza may be called nearly anything.
func TestStanza_IsCalledNearlyAnything(t *testing.T) {
	for _, name := range []string{
		"main", "prod main", "prod@eu:5432", "na\u00efve", "a.b", "p#1", "50%", "[x]", "it's",
	} {
		got, err := load(t, []string{"-stanza", name})
		require.NoError(t, err, name)
		assert.Equal(t, name, got.Stanza)
	}
}

// A reserve is a share in percent: a bare number could be bytes.
func TestReserve_IsAShare(t *testing.T) {
	for value, want := range map[string]int64{"0%": 0, "15%": 15, "90%": 90} {
		got, err := load(t, []string{"-reserve", value})
		require.NoError(t, err, value)
		assert.Equal(t, want, got.Reserve, value)
	}
	for _, value := range []string{"", "15", "%", "-1%", "91%", "300%", "1.5%", "15 %", "15%%", "10GiB", "none"} {
		_, err := load(t, []string{"-reserve", value})
		require.ErrorContains(t, err, "-reserve", value)
	}
}

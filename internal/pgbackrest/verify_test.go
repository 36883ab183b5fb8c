package pgbackrest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The backups of the repository the answers were recorded of.
var ofVerify = []string{"20261125-154923F", "20261125-154923F_20261125-154925D"}

func verifyAnswer(t testing.TB, name string) []byte {
	t.Helper()
	return recorded(t, "verify-"+name+".txt")
}

// Every answer pgBackRest 2.45 gave: what is wrong is named, whatever the status says.
func TestParseVerify(t *testing.T) {
	for _, c := range []struct {
		name, status string
		read, wrong  int
		problems     []string // words of each
		notes        int
	}{
		{"clean", "ok", 1932, 0, nil, 0},
		{"wal-flipped", "error", 1932, 1, []string{"archive 15-1: 3 of 4"}, 0},
		{
			"flipped", "error", 1932, 2,
			[]string{"20261125-154923F is invalid: 963 of 964", "154925D is invalid: 963 of 964"},
			0,
		},
		{"missing", "error", 1932, 1505, []string{"753 missing", "752 missing"}, 0},
		{"cut", "error", 1932, 1505, []string{"753 with a wrong checksum", "752 with a wrong checksum"}, 0},
		{"no-manifest", "ok", 968, 0, []string{"20261125-154923F is manifest missing"}, 0},
		{"no-archive", "ok", 1928, 0, nil, 0}, // nothing is said of it: the claim archive sees it
		{
			"no-backup", "ok", 4, 0,
			[]string{"154923F is listed, and verify found nothing", "154925D is listed, and verify found nothing"},
			0,
		},
		{"no-archive-info", "error", 0, 0, []string{"No usable archive.info", "found nothing", "found nothing"}, 0},
		{
			"no-stanza", "error", 0, 0,
			[]string{"No usable backup.info", "No usable archive.info", "found nothing", "found nothing"},
			0,
		},
		{
			"wrong-passphrase", "error", 0, 0,
			[]string{"No usable backup.info", "No usable archive.info", "found nothing", "found nothing"},
			0,
		},
		{"in-progress", "ok", 1932, 0, nil, 1},
		// An archive.info of before a stanza-upgrade was put back; one lost a line of its history.
		{
			"other-archive-info", "error", 0, 0,
			[]string{
				"info file do not match", "archive: id = 1", "backup : id = 2", "HINT",
				"found nothing", "found nothing",
			},
			0,
		},
		{"other-history", "error", 0, 0, []string{"history lists do not match", "found nothing", "found nothing"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := ParseVerify(verifyAnswer(t, c.name))
			require.NoError(t, err)
			assert.Equal(t, c.status, v.Status)
			read, wrong := v.Files(ofVerify)
			assert.Equal(t, []int{c.read, c.wrong}, []int{read, wrong})
			problems, notes := v.Problems(ofVerify)
			require.Len(t, problems, len(c.problems), "%q", problems)
			for i, words := range c.problems {
				assert.Contains(t, problems[i], words)
			}
			assert.Len(t, notes, c.notes)
		})
	}
}

// Segments that verify listed and did not find are told from everything else that may be wrong.
func TestVerification_Vanished(t *testing.T) {
	gone := Verified{Name: "15-1", Total: 44, Valid: 2, Faults: Faults{Missing: 42}}
	other := func(change func(*Verified)) []Verified {
		a := gone
		change(&a)
		return []Verified{a}
	}
	more := func(f Faults) []Verified { return []Verified{gone, {Name: "14-1", Total: 1, Faults: f}} }
	well := Verified{Name: ofVerify[0], Status: StatusValid, Total: 3, Valid: 3}
	bad := Verified{Name: ofVerify[0], Status: "invalid", Total: 3}
	worse := other(func(a *Verified) { a.ChecksumInvalid, a.Valid = 1, 1 })
	expired := Verified{Name: "old", Status: "invalid", Total: 3}
	for name, c := range map[string]struct {
		archives, backups []Verified
		errors            []string
		want              int
	}{
		"nothing":                {[]Verified{{Name: "15-1", Total: 4, Valid: 4}}, []Verified{well}, nil, 0},
		"gone":                   {[]Verified{gone}, []Verified{well}, nil, 42},
		"gone from two":          {more(Faults{Missing: 1}), []Verified{well}, nil, 43},
		"a backup expired":       {[]Verified{gone}, []Verified{well, expired}, nil, 42},
		"damaged too":            {worse, []Verified{well}, nil, 0},
		"does not add up":        {other(func(a *Verified) { a.Valid = 1 }), []Verified{well}, nil, 0},
		"another one is damaged": {more(Faults{Other: 1}), []Verified{well}, nil, 0},
		"a backup is damaged":    {[]Verified{gone}, []Verified{bad}, nil, 0},
		"a backup is not there":  {[]Verified{gone}, nil, nil, 0},
		"verify could not look":  {[]Verified{gone}, []Verified{well}, []string{"No usable archive.info"}, 0},
	} {
		v := Verification{Status: "error", Archives: c.archives, Backups: c.backups, Errors: c.errors}
		assert.Equal(t, c.want, v.Vanished(ofVerify[:1]), name)
	}
	for _, name := range []string{"clean", "wal-flipped", "missing", "no-archive"} {
		v, err := ParseVerify(verifyAnswer(t, name))
		require.NoError(t, err)
		assert.Zero(t, v.Vanished(ofVerify), name)
	}
}

// What cannot be understood is an error, and no pass.
func TestParseVerify_Refuses(t *testing.T) {
	clean := string(verifyAnswer(t, "clean"))
	for name, answer := range map[string]string{
		"nothing":     "",
		"noStatus":    "stanza: demo\n",
		"otherStatus": strings.Replace(clean, "status: ok", "status: perhaps", 1),
		"otherWords":  strings.Replace(clean, "total valid WAL", "valid", 1),
		"moreWords":   clean + "  backup: something new\n",
		"anError":     "ERROR: [055]: unable to open\n" + clean,
		"errorOnly":   "stanza: demo\nERROR: [055]: unable to open\nstatus: error\n",
		"wellAndMore": strings.Replace(clean, "status: ok", "status: ok\nsomething new", 1),
		"moreAfter":   strings.Replace(clean, "status: ok", "status: error", 1) + "something new\n",
		"indented":    "stanza: demo\nstatus: error\n  something new\n",
		"noName":      strings.Replace(clean, "stanza: demo\n", "", 1),
	} {
		_, err := ParseVerify([]byte(answer))
		require.Error(t, err, name)
	}
	v, err := ParseVerify([]byte(strings.Replace(clean, "status: ok", "status: error", 1)))
	require.NoError(t, err)
	problems, _ := v.Problems(ofVerify)
	assert.NotEmpty(t, problems, "an error that names nothing is one")
}

func FuzzParseVerify(f *testing.F) {
	for _, name := range []string{"clean", "missing", "no-manifest", "no-stanza", "in-progress"} {
		f.Add(verifyAnswer(f, name))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		v, err := ParseVerify(answer)
		if err != nil {
			return
		}
		if problems, _ := v.Problems(nil); v.Status != "ok" && len(problems) == 0 && len(v.Backups) == 0 {
			t.Errorf("status %q passes: %q", v.Status, answer)
		}
	})
}

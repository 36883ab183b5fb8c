package testreport

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

const (
	six   = "policy stanza cadence archive encryption integrity"
	eight = "policy stanza cadence archive rpo retention encryption integrity"
)

// claims is a run of the backup checks in short, an event a word: "asked=NAMES" is the
// list (commas between names), "rpo" a claim that passes, "rpo:fail" or
// "rpo:fail,REASON" one that does not, "rpo:!" one that never ends; "root,REASON" is what
// the test itself publishes. The test passes unless something failed.
func claims(words string) []byte {
	var s bytes.Buffer
	event := func(action, name, rest string) {
		fmt.Fprintf(&s, `{"Action":%q,"Package":"p","Test":"TestBackup%s"%s}`+"\n", action, name, rest)
	}
	attr := func(name, key, value string) { event("attr", name, fmt.Sprintf(`,"Key":%q,"Value":%q`, key, value)) }
	s.WriteString(`{"Action":"start","Package":"p"}` + "\n")
	event("run", "", "")
	result := "pass"
	for _, word := range strings.Fields(words) {
		names, isList := strings.CutPrefix(word, "asked=")
		claim, ending, _ := strings.Cut(word, ":")
		ending, why, _ := strings.Cut(ending, ",")
		own, isOwn := strings.CutPrefix(word, "root,")
		switch {
		case isList:
			attr("", suite.AskedKey, strings.ReplaceAll(names, ",", " "))
			continue
		case isOwn:
			attr("", suite.ReasonKey, own)
			result = "fail"
			continue
		case ending == "":
			ending = "pass"
		}
		event("run", "/"+claim, "")
		if why != "" {
			attr("/"+claim, suite.ReasonKey, why)
		}
		if ending == "!" {
			return s.Bytes()
		}
		if ending == "fail" {
			result = "fail"
		}
		event(ending, "/"+claim, "")
	}
	event(result, "", "")
	fmt.Fprintf(&s, `{"Action":%q,"Package":"p"}`+"\n", result)
	return s.Bytes()
}

// asking is a run that publishes the list and asks exactly these claims, with what
// replaces some of them.
func asking(names string, instead ...string) []byte {
	return claims("asked=" + strings.ReplaceAll(names, " ", ",") + " " + strings.NewReplacer(instead...).Replace(names))
}

func reportOf(t *testing.T, stream []byte) Report {
	t.Helper()
	c := New(suite.Backup)
	require.NoError(t, c.Read(bytes.NewReader(stream)))
	return c.Report(nil)
}

// TestClaims_TheFirstProvenFaultIsTheReason, whatever the environment did before it.
func TestClaims_TheFirstProvenFaultIsTheReason(t *testing.T) {
	for want, stream := range map[string][]byte{
		"0 none": asking(six),
		"1 backup_missed cadence": asking(eight, "cadence", "cadence:fail,backup_missed", "integrity",
			"integrity:fail,repo_corrupt"),
		"1 repo_corrupt integrity": asking(eight, "policy", "policy:fail,tool_missing", "integrity",
			"integrity:fail,repo_corrupt"),
		"2 tool_missing policy": asking(eight, "policy", "policy:fail,tool_missing", "archive",
			"archive:fail,timeout"),
		"1 retention_wrong retention": asking(eight, "retention", "retention:fail"),
		"1 wal_missing archive": asking(six, "archive", "archive:fail,wal_missing", "encryption",
			"encryption:!"),
		"2 report_unreadable encryption": asking(six, "encryption", "encryption:!"),
		"1 not_encrypted encryption": claims("root,config_invalid asked=" + strings.ReplaceAll(six, " ", ",") +
			" encryption:fail,not_encrypted"),
		"2 config_invalid":   claims("root,config_invalid"),
		"1 repo_denied":      claims("root,repo_denied"),
		"2 no_tests policy":  claims(""),
		"2 no_tests archive": asking(eight, "archive", "archive:skip"),
	} {
		v := reportOf(t, stream).Verdict
		assert.Equal(t, want, strings.TrimSpace(fmt.Sprintf("%d %s %s", v.Exit, v.Reason, v.Step)))
	}
}

// TestList_OfClaimsNobodyCanRelyOnIsAProblem, and never a pass.
func TestList_OfClaimsNobodyCanRelyOnIsAProblem(t *testing.T) {
	list := "asked=" + strings.ReplaceAll(six, " ", ",") + " "
	for says, stream := range map[string][]byte{
		"was not published":               claims(six),
		"is empty":                        claims("asked= " + six),
		`names "gremlins", which is none`: claims(strings.TrimSpace(list) + ",gremlins " + six),
		"names policy twice":              claims(strings.TrimSpace(list) + ",policy " + six),
		"two lists":                       claims(list + "asked=" + strings.ReplaceAll(eight, " ", ",") + " " + eight),
		"came after claim policy":         claims("policy " + list + strings.TrimPrefix(six, "policy ")),
		"claim rpo ran":                   claims(list + eight),
		"only TestBackup itself may": bytes.ReplaceAll(asking(six), []byte(`"Test":"TestBackup","Key":"asked"`),
			[]byte(`"Test":"TestBackup/policy","Key":"asked"`)),
		"has 5000 bytes": bytes.Replace(asking(six), []byte(six), []byte(strings.Repeat("policy    ", 500)), 1),
	} {
		r := reportOf(t, stream)
		assert.Equal(t, reason.ReportUnreadable, r.Reason, says)
		assert.Contains(t, strings.Join(r.Problems, "; "), says)
		assert.Equal(t, Unknown, r.Backups, says)
	}
	assert.Equal(t, reason.NoTests, reportOf(t, asking("policy stanza")).Reason,
		"the minimum is expected whatever the list says")
	assert.Empty(t, reportOf(t, claims(list+list+six)).Problems, "the same list twice says the same")
}

func TestClaims_NotAskedAreNamedAndCounted(t *testing.T) {
	r := reportOf(t, asking(six, "stanza", "stanza:fail"))
	assert.Equal(t, NotAsked, r.Steps[4].Outcome)
	assert.Equal(t, NotAsked, r.Steps[5].Outcome)
	assert.Equal(t, Passed, r.Steps[7].Outcome)
	assert.Equal(t, []string{
		`checks{status="failed"}=1`, `checks{status="not_asked"}=2`, `checks{status="passed"}=5`,
		`claim_success{claim="policy"}=1`, `claim_success{claim="stanza"}=0`, `claim_success{claim="cadence"}=1`,
		`claim_success{claim="archive"}=1`, `claim_success{claim="encryption"}=1`, `claim_success{claim="integrity"}=1`,
	}, shown(r))
	assert.Empty(t, shown(reportOf(t, claims("root,config_invalid"))), "nothing was asked")
}

// TestClaims_ThatTheEnvironmentSpoiltAreNeitherTrueNorFalse.
func TestClaims_ThatTheEnvironmentSpoiltAreNeitherTrueNorFalse(t *testing.T) {
	r := reportOf(t, asking(six, "policy", "policy:fail,tool_missing", "stanza", "stanza:fail,repo_corrupt"))
	assert.NotContains(t, strings.Join(shown(r), " "), "policy")
	assert.Contains(t, shown(r), `claim_success{claim="stanza"}=0`)

	c := New(suite.Backup)
	c.Stop(reason.Interrupted, "a signal")
	require.NoError(t, c.Read(bytes.NewReader(asking(six, "archive", "archive:fail,wal_missing"))))
	stopped := c.Report(nil)
	assert.Equal(t, reason.Interrupted, stopped.Reason)
	assert.NotContains(t, strings.Join(shown(stopped), " "), "archive", "what a killed child said")
}

func shown(r Report) (list []string) {
	for _, v := range r.Measurements {
		list = append(list, fmt.Sprintf("%s=%v", v.Series(), v.Value))
	}
	return list
}

// TestCleanUp_AloneLeavesTheVerdictOfTheClaimsStanding, and nothing else does.
func TestCleanUp_AloneLeavesTheVerdictOfTheClaimsStanding(t *testing.T) {
	all := "asked=" + strings.ReplaceAll(six, " ", ",") + " " + six
	for name, c := range map[string]struct {
		stream []byte
		want   Backups
	}{
		"alone":                 {claims(all + " root,sandbox_failed"), Sound},
		"another reason":        {claims(all + " root,disk_space"), Sound},
		"before the claims":     {claims("root,sandbox_failed " + all), Unknown},
		"no claim was asked":    {claims("root,sandbox_failed"), Unknown},
		"it blames the backups": {claims(all + " root,repo_corrupt"), AtFault},
		"a claim failed too": {
			claims(strings.Replace(all, " policy ", " policy:fail,locked ", 1) + " root,sandbox_failed"), Unknown,
		},
		"a claim is false": {
			claims(strings.Replace(all, " policy ", " policy:fail ", 1) + " root,sandbox_failed"), Unknown,
		},
		"without a list":       {claims(six + " root,sandbox_failed"), Unknown},
		"a claim nobody asked": {claims(all + " rpo root,sandbox_failed"), Unknown},
		"it fails without a word": {
			bytes.ReplaceAll(asking(six), []byte(`"pass","Package":"p","Test":"TestBackup"}`),
				[]byte(`"fail","Package":"p","Test":"TestBackup"}`)), Unknown,
		},
	} {
		r := reportOf(t, c.stream)
		assert.Equal(t, c.want, r.Backups, name)
		assert.NotZero(t, r.Verdict.Exit, name)
	}
}

func TestLeftOpen_WithoutAFinalStepTheTestItselfHasToEnd(t *testing.T) {
	for words, want := range map[string]bool{six: false, "policy:fail": false, "policy policy:!": true, "": false} {
		c := New(suite.Backup)
		require.NoError(t, c.Read(bytes.NewReader(claims(words))))
		assert.Equal(t, want, c.LeftOpen(), words)
	}
	c := New(suite.Backup)
	require.NoError(t, c.Read(strings.NewReader(`{"Action":"start","Package":"p"}`+"\n")))
	assert.False(t, c.LeftOpen(), "it never began")
	require.NoError(t, c.Read(strings.NewReader(`{"Action":"run","Package":"p","Test":"TestBackup"}
{"Action":"fail","Package":"p","Test":"TestBackup"}`)))
	assert.True(t, c.LeftOpen(), "test2json makes up an end for a binary that died")
}

// chose is a run in which somebody chose claims, before the list of those that are asked.
func chose(chosen, asked string, instead ...string) []byte {
	published := fmt.Sprintf(`{"Action":"attr","Package":"p","Test":"TestBackup","Key":%q,"Value":%q}`+"\n",
		suite.ChosenKey, chosen)
	return bytes.Replace(asking(asked, instead...), []byte(`{"Action":"attr"`),
		[]byte(published+`{"Action":"attr"`), 1)
}

// TestChosen_ProveThemselvesAlone: a pass is one in part, the others are left out and counted, also of the suite's
// own minimum.
func TestChosen_ProveThemselvesAlone(t *testing.T) {
	r := reportOf(t, chose("archive integrity", "archive integrity"))
	assert.Equal(t, reason.None, r.Reason)
	assert.Equal(t, InPart, r.Backups)
	assert.Equal(t, LeftOut, r.Steps[0].Outcome)
	assert.Equal(t, []string{
		`checks{status="failed"}=0`, `checks{status="left_out"}=6`, `checks{status="not_asked"}=0`,
		`checks{status="passed"}=2`, `claim_success{claim="archive"}=1`, `claim_success{claim="integrity"}=1`,
	}, shown(r))
	assert.Equal(t, Sound, reportOf(t, chose(eight, eight)).Backups, "whoever chose all left nothing out")
	failed := reportOf(t, chose("archive integrity", "archive integrity", "integrity", "integrity:fail,repo_corrupt"))
	assert.Equal(t, AtFault, failed.Backups)
}

// TestChosen_NeverHideAClaim: what was chosen must run, and nothing else may.
func TestChosen_NeverHideAClaim(t *testing.T) {
	for says, stream := range map[string][]byte{
		"claim integrity is missing":                   chose("archive integrity", "archive"),
		`claim "cadence" is asked, and was not chosen`: chose("archive", "archive cadence"),
		"the list of claims that are chosen is empty":  chose("", "archive"),
		`names "gremlins", which is none`:              chose("archive gremlins", "archive"),
	} {
		r := reportOf(t, stream)
		assert.Equal(t, reason.ExitEnvironment, r.Exit, says)
		assert.Contains(t, r.Detail+strings.Join(r.Problems, "; "), says)
		assert.Equal(t, Unknown, r.Backups, says)
	}
}

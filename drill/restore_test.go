package drill

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/target"
)

// restoring is a sandbox with the full pinned, whose restore ends so.
func restoring(t *testing.T, restore answer) (provisioned, *machine) {
	t.Helper()
	full, _ := twoSets(t)
	box := &machine{answers: map[string]answer{
		"pgbackrest restore": restore, "nproc": {stdout: "2\n"}, "du": {stdout: "70\t/box/data\n7\t/box/tblspc\n"},
	}}
	p := on(box, full)
	p.Settings.Set = settings.SetLatest
	config, err := pgbackrest.ParseConfig("/c", []byte("[global]\nrepo1-path=/repo\n[demo]\npg1-path=/p\n"))
	require.NoError(t, err)
	p.repo.Repository = repository.Repository{Conf: repository.Conf{Config: config}, Stanza: "demo", Key: 1}
	return p, box
}

// The pinned set is restored by its label, to the target of the plan, and what lies there is
// measured once.
func TestRestore_MeasuresWhatLiesThere(t *testing.T) {
	p, box := restoring(t, answer{})
	p.plan.age = 90 * time.Second
	p.plan.aim.target = lsnTarget("0/5000000")
	var heard recorder
	r, err := restore(t.Context(), suite.NewOut(&heard), p)
	require.NoError(t, err)
	assert.Positive(t, r.took)
	assert.Equal(t, "77", heard.values["metric.restored_bytes"])
	assert.Equal(t, "90", heard.values["metric.backup_age_seconds"])
	ran := strings.Join(box.ran, "\n")
	p.plan.older, heard = true, recorder{}
	_, err = restore(t.Context(), suite.NewOut(&heard), p)
	require.NoError(t, err)
	assert.NotContains(t, heard.values, "metric.backup_age_seconds")
	assert.Contains(t, ran, "--set="+p.plan.set.Label)
	assert.Contains(t, ran, "--target=0/5000000")
}

// A restore that failed is judged, and the age of the set is known all the same.
func TestRestore_Fails(t *testing.T) {
	for name, c := range map[string]struct {
		restore answer
		want    reason.Reason
	}{
		"a file is missing": {
			answer{err: exit(55, "ERROR: [055]: unable to open missing file '/x' for read")},
			reason.RepoCorrupt,
		},
		"anything else": {answer{err: exit(25, "ERROR: [025]: something")}, reason.RestoreFailed},
		"killed":        {answer{err: exit(137, "")}, reason.SandboxFailed},
	} {
		p, _ := restoring(t, c.restore)
		var heard recorder
		_, err := restore(t.Context(), suite.NewOut(&heard), p)
		requireReason(t, c.want, err, name)
		assert.Contains(t, heard.values, "metric.backup_age_seconds", name)
		assert.NotContains(t, heard.values, "metric.restored_bytes", name)
	}
	p, box := restoring(t, answer{})
	delete(box.answers, "du")
	_, err := restore(t.Context(), suite.NewOut(&recorder{}), p)
	requireReason(t, reason.SandboxFailed, err, "what lies there cannot be measured")
}

// A du that takes too long is no fault of what was restored: the backup says how much it is. The run's own end is.
func TestRestore_TooManyFilesToMeasure(t *testing.T) {
	slow := answer{err: fmt.Errorf("du: %w", context.DeadlineExceeded)}
	p, box := restoring(t, answer{})
	box.answers["du"], p.plan.set.Info.Size = slow, 4711
	var heard recorder
	_, err := restore(t.Context(), suite.NewOut(&heard), p)
	require.NoError(t, err)
	assert.Equal(t, "4711", heard.values["metric.restored_bytes"])
	assert.Contains(t, heard.values["note"], "could not be measured")

	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = restored{provisioned: p}.size(over, suite.NewOut(&recorder{}))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// A set is expired when the repository lists others and not this one, however it was asked for; a repository that says
// nothing proves nothing.
func TestExpired(t *testing.T) {
	_, diff := twoSets(t)
	for name, c := range map[string]struct {
		lists []string
		set   string
		want  bool
	}{
		"another is listed": {[]string{diff.Label}, settings.SetLatest, true},
		"it is listed":      {[]string{diff.Label, "20260823-020003F"}, settings.SetLatest, false},
		"nothing is listed": {nil, settings.SetLatest, false},
		"of the diffs":      {[]string{diff.Label}, settings.SetLatestDiff, true},
		"by its label":      {[]string{diff.Label}, "20260823-020003F", true},
	} {
		p, box := restoring(t, answer{})
		p.Settings.Set = c.set
		box.answers["pgbackrest info"] = answer{stdout: listing(t, c.lists)}
		_, expired := restored{provisioned: p}.expired(t.Context(), suite.NewOut(&recorder{}))
		assert.Equal(t, c.want, expired, name)
	}
	p, _ := restoring(t, answer{})
	_, expired := restored{provisioned: p}.expired(t.Context(), suite.NewOut(&recorder{}))
	assert.False(t, expired, "info says nothing")
}

// listing is what info prints of a repository with sets of these labels.
func listing(t *testing.T, labels []string) string {
	t.Helper()
	var backups []json.RawMessage
	for _, label := range labels {
		backups = append(backups, fmt.Appendf(nil, `{"label":%q,"type":"full","database":{"id":1,"repo-key":1}}`,
			label))
	}
	text, err := json.Marshal([]map[string]any{{
		"name": "demo", "backup": backups, "repo": []map[string]any{{"key": 1, "status": map[string]any{"code": 0}}},
	}})
	require.NoError(t, err)
	return string(text)
}

// A restore that ended well is not begun again, whatever was expired meanwhile; and one whose
// failure is explained is not either.
func TestRestore_BeginsAgainOnlyWhenItMust(t *testing.T) {
	_, diff := twoSets(t)
	for name, c := range map[string]struct {
		restore answer
		want    reason.Reason
	}{
		"it ended well": {answer{}, ""},
		"denied": {
			answer{err: exit(39, "ERROR: [039]: HTTP request failed with 403 (Forbidden)")},
			reason.RepoDenied,
		},
	} {
		p, box := restoring(t, c.restore)
		box.answers["pgbackrest info"] = answer{stdout: listing(t, []string{diff.Label})}
		var heard recorder
		_, err := restore(t.Context(), suite.NewOut(&heard), p)
		requireReason(t, c.want, err, name)
		assert.NotContains(t, heard.String(), "beginning again", name)
	}
}

// The request stays what it was: a plan holds what was made of it.
func TestPlan_LeavesTheRequest(t *testing.T) {
	p, _ := restoring(t, answer{})
	p.Settings.Target = target.Target{Kind: target.Random}
	p.plan.aim.target = lsnTarget("0/5000000")
	r, err := restore(t.Context(), suite.NewOut(&recorder{}), p)
	require.NoError(t, err)
	assert.Equal(t, target.Random, r.Settings.Target.Kind)
}

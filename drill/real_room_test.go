package drill

import (
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/suite"
)

// realOn is a restore for real into dir, by a conf, and a machine that has these answers.
func realOn(t *testing.T, dir, options string, m *machine) (*nodeRestore, ready) {
	t.Helper()
	conf, err := pgbackrest.ParseConfig("c", []byte("[demo]\npg1-path=/pg\n"+options))
	require.NoError(t, err)
	full, _ := twoSets(t)
	var found ready
	found.Client.Repository = repository.Repository{Stanza: "demo", Conf: repository.Conf{Config: conf}}
	found.Client.Pgbackrest = &pgbackrest.Client{Host: m, Stanza: "demo", Repo: 1}
	found.Control, found.plan = m, plan{set: full}
	return &nodeRestore{place: node.Place{Dir: dir + "/pg", Free: 1 << 40}}, found
}

// manifestOf is the manifest of a set with one tablespace.
func manifestOf(label, space string) string {
	return string(pgbackrest.SealInfo([]byte("[backup]\nbackup-label=\"" + label + "\"\n\n[backup:target]\n" +
		`pg_data={"path":"/pg","type":"path"}` + "\n" +
		`pg_tblspc/16384={"path":"` + space + `","tablespace-id":"16384","tablespace-name":"fast","type":"link"}` +
		"\n\n[target:file]\n" +
		`pg_data/PG_VERSION={"checksum":"ad552e6dc057d1d825bf49df79d6b98eba846ebe","size":3}` + "\n" +
		"\n[target:path]\npg_data={}\npg_data/pg_wal={}\n")))
}

// Nothing is restored to places that nobody has looked at since the repository did not answer once. A manifest that is
// damaged says so when it is restored, and the mark knows that no place apart was written to.
func TestAskPlaces_Manifest(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(dir+"/pg", 0o700))
	const label = "20260823-020003F"
	rest := &node.Claim{Set: label, Apart: []node.Apart{}}
	for name, c := range map[string]struct {
		manifest answer
		rest     *node.Claim
		why      reason.Reason
		words    string // of the error, or of the notes
	}{
		"read":               {manifest: answer{stdout: manifestOf(label, dir+"/ts")}},
		"no answer":          {answer{err: errGone}, nil, reason.RepoUnreachable, "run it again once the repository"},
		"damaged":            {answer{stdout: "[backup]\n"}, nil, "", "apart from -to is not known, and was"},
		"resumed, no answer": {answer{err: errGone}, rest, reason.RepoUnreachable, "-resume: where"},
		"resumed, damaged":   {answer{stdout: "[backup]\n"}, rest, reason.RepoCorrupt, "-resume: where"},
	} {
		m := &machine{bounds: map[string]time.Duration{}, answers: map[string]answer{
			"pgbackrest repo-get": c.manifest, "sh": {}, "mkdir": {},
		}}
		r, found := realOn(t, dir, "", m)
		var heard recorder
		err := r.askPlaces(t.Context(), suite.NewOut(&heard), found, c.rest)
		requireReason(t, c.why, err, name)
		assert.Greater(t, m.bounds["pgbackrest"], 5*time.Minute, "%s: a large one on a slow line", name)
		if err != nil {
			require.ErrorContains(t, err, c.words, name)
			continue
		}
		assert.Contains(t, heard.String(), c.words, name)
		assert.Equal(t, c.words == "", len(r.apart.List) == 1, name)

		require.NoError(t, os.MkdirAll(dir+"/ts", 0o700))
		r.claim, err = node.Take(r.place.Dir)
		require.NoError(t, err)
		require.NoError(t, r.holdApart(t.Context(), m), name)
		require.NoError(t, r.claim.Say(node.Restoring))
		said, err := node.ReadClaim(r.place.Dir)
		require.NoError(t, err)
		assert.NotNil(t, said.Apart, "%s: no mark of a release before", name)
		assert.Len(t, said.Apart, len(r.apart.List), name)
		require.NoError(t, r.claim.Drop())
		require.NoError(t, os.Remove(dir+"/ts"))
	}
}

// A map of what the set has not is said before anything is written, and the drill, which takes all maps away, names
// it. A map of what the set has is nobody's business.
func TestMaps(t *testing.T) {
	const label = "20260823-020003F"
	dir := t.TempDir()
	for name, c := range map[string]struct {
		options string
		real    string // "" is that it begins
		noted   string // "" is no note
		asked   bool   // for the manifest, by the drill
	}{
		"none":      {"", "", "", false},
		"of others": {"tablespace-map=fast=" + dir + "/x\n", "", "", true},
		"dropped": {
			"tablespace-map=old=/x\n", "c:3: tablespace-map=old=/x: the set has no such tablespace: pgbackrest " +
				"restore of backup set " + label + " ends there: comment the line out",
			"not obeyed here: c:3: tablespace-map=old=/x: the set has no such tablespace: a plain restore of", true,
		},
		"a link": {"link-map=pg_xlog=/x\n", "c:3: link-map=pg_xlog=/x", "c:3: link-map=pg_xlog=/x", true},
	} {
		m := &machine{answers: map[string]answer{
			"pgbackrest repo-get": {stdout: manifestOf(label, dir+"/ts")}, "sh": {},
		}}
		r, found := realOn(t, dir, c.options, m)
		var heard recorder
		tellMaps(t.Context(), suite.NewOut(&heard), found.Session, found.plan)
		assert.Equal(t, c.noted != "", heard.String() != "", name)
		assert.Contains(t, heard.String(), c.noted, name)
		assert.Equal(t, c.asked, len(m.ran) > 0, name)

		err := r.askPlaces(t.Context(), suite.NewOut(&heard), found, nil)
		if c.real == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.real, name)
		requireReason(t, reason.ConfigInvalid, err, name)
	}
	r, found := realOn(t, dir, "link-map=pg_xlog=/x\n", &machine{answers: map[string]answer{}})
	var heard recorder
	tellMaps(t.Context(), suite.NewOut(&heard), found.Session, found.plan)
	assert.Contains(t, heard.String(), "has what the conf maps is not known", r.place.Dir)
	assert.NotContains(t, heard.String(), "pg_xlog", "nothing is said of a set that was not read")
}

// stuck is a machine on which nothing ends by itself.
type stuck struct{ machine }

func (*stuck) Run(ctx context.Context, _ host.Command) (host.Result, error) {
	<-ctx.Done()
	return host.Result{}, ctx.Err()
}

// A large manifest gets the time that it needs, also where the drill only makes a note of a map, or looks for segments
// that the set holds itself; no drill waits for it as long as a restore does.
func TestMaps_LargeManifest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const patient = "is not known: its manifest was not read within 2m0s"
		_, found := realOn(t, "/none", "link-map=pg_wal=/x\n", nil)
		found.Client.Pgbackrest.Host = &stuck{}
		begun := time.Now()
		var heard recorder
		tellMaps(t.Context(), suite.NewOut(&heard), found.Session, found.plan)
		assert.Equal(t, 2*time.Minute, time.Since(begun))
		assert.Contains(t, heard.String(), patient)

		begun = time.Now()
		assert.Empty(t, found.plan.ownSegments(t.Context(), found.Client))
		assert.Equal(t, 2*time.Minute, time.Since(begun))
	})
}

// A data directory that veza-restore refuses is named by the drill, since nobody asks in the night of the restore.
func TestTellDirectory(t *testing.T) {
	for path, said := range map[string]string{
		"/var/lib/postgresql/15/main": "",
		"/data":                       "pg1-path=/data: veza-restore refuses it for its -to (a directory of its own",
		"/data/":                      "a directory of its own is needed",
		"/data/50%":                   "has a character that commands would not take as it is",
	} {
		_, found := realOn(t, t.TempDir(), "", nil)
		conf, err := pgbackrest.ParseConfig("c", []byte("[demo]\npg1-path="+path+"\n"))
		require.NoError(t, err)
		found.Client.Conf.Config = conf
		var heard recorder
		tellDirectory(suite.NewOut(&heard), found.Session)
		assert.Equal(t, said != "", heard.String() != "", path)
		assert.Contains(t, heard.String(), said, path)
	}
}

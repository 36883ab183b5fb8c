package acceptance

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/runbook"
	"veza.fr/recovery/internal/harness/s3servers"
	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/objectstore/users"
	"veza.fr/recovery/internal/source"
)

// site is a production that runbooks are typed on: a cluster that backs up into a MinIO, and a host that drills it
// by a conf with the key that reads.
type site struct {
	*cluster
	*repoCopy // of the drill's host: its conf, TMPDIR and outputs
	server    *s3servers.Server
	programs  string // what is typed on the primary, such as systemctl, leads here
	users     int    // rows that a drill must bring back
}

// newSite makes one.
func newSite(t *testing.T, name string) *site {
	t.Helper()
	needServer(t, "minio")
	dir, err := os.MkdirTemp("/var/tmp", "vza-runbook-") // on a disk, as a store has it
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	server, err := s3servers.MinIO(t.Context(), dir)
	if server != nil { // the cluster that it is the store of ends before
		t.Cleanup(func() { require.NoError(t, server.Close(context.Background())) })
	}
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), seedTime)
	defer cancel()
	s := &site{server: server}
	s.cluster, err = newCluster(ctx, &source.Seeded{Rows: 1000, Store: server.Store}, "runbook-"+name)
	t.Cleanup(func() { require.NoError(t, s.cluster.Close(context.Background())) })
	require.NoError(t, err)
	frozen, err := s.freeze(ctx, "runbook-"+name, nil)
	require.NoError(t, err)
	s.repoCopy = newCopy(t, frozen)
	s.keys(s.server.Key, s.server.Secret, s.server.ReadKey, s.server.ReadSecret)
	s.programs = s.file("bin")
	require.NoError(t, os.Mkdir(s.programs, 0o755))
	for program, script := range typed {
		require.NoError(t, os.WriteFile(filepath.Join(s.programs, program), []byte(script), 0o755))
	}
	s.grows()
	return s
}

// typed are programs of a data node, as far as runbooks use them: a unit of role pgbackrest is the command of its
// template.
var typed = map[string]string{
	"sudo": "#!/bin/sh\n" + `[ "$1 $2" = "-u postgres" ] || exit 64
shift 2
exec "$@"
`,
	"systemctl": "#!/bin/sh\n" + `[ $# = 2 ] && [ "$1" = start ] || exit 64
case $2 in
  pgbackrest-full.service) set -- --repo=1 --type=full ;;
  pgbackrest-diff.service) set -- --repo=1 --type=diff ;;
  pgbackrest-full-repo2.service) set -- --repo=2 --type=full ;;
  *) echo "there is no unit $2" >&2 && exit 5 ;;
esac
exec pgbackrest --stanza=demo "$@" backup
`,
}

// node is the path of the data node's conf.
func (s *site) node() string { return filepath.Join(s.Machine.Dir("etc"), "pgbackrest.conf") }

// setNode gives options of the data node's conf other values.
func (s *site) setNode(options map[string]string) {
	s.t.Helper()
	content, err := s.Machine.Read(s.t.Context(), s.node())
	require.NoError(s.t, err)
	conf := string(content)
	for option, value := range options {
		line := regexp.MustCompile(`(?m)^` + option + `=.*$`)
		if !line.MatchString(conf) {
			conf = strings.Replace(conf, "[global]\n", "[global]\n"+option+"=\n", 1)
		}
		conf = line.ReplaceAllLiteralString(conf, option+"="+value)
	}
	require.NoError(s.t, s.Machine.Put(s.t.Context(), s.node(), []byte(conf), 0o640, ""))
}

// keys is what --tags repository does with other keys: both confs get theirs.
func (s *site) keys(key, secret, readKey, readSecret string) {
	s.t.Helper()
	s.setNode(map[string]string{"repo1-s3-key": key, "repo1-s3-key-secret": secret})
	s.set("repo1-s3-key", readKey)
	s.set("repo1-s3-key-secret", readSecret)
}

// shell types commands on the data node.
func (s *site) shell(script string) (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), seedTime)
	defer cancel()
	said, err := s.Machine.Run(ctx, host.Command{
		Argv: []string{"bash", "-c", "set -eu; " + script},
		Env:  []string{"PATH=" + s.programs + ":/usr/bin:/bin", "PGBACKREST_CONFIG=" + s.node()},
	})
	return string(said.Stdout) + string(said.Stderr), err
}

// grows adds users, and archives them.
func (s *site) grows() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), seedTime)
	defer cancel()
	require.NoError(s.t, s.grow(ctx))
	s.counts()
}

func (s *site) counts() {
	s.t.Helper()
	now, err := s.mark(s.t.Context())
	require.NoError(s.t, err)
	s.users = now.users
}

// drills drills on the drill's host, with settings by variables.
func (s *site) drills(env ...string) outcome {
	s.t.Helper()
	cores <- struct{}{}
	defer func() { <-cores }()
	return s.drill(env, s.drillArgs("-deep", "none")...)
}

// green is a drill that passes, and brings back so many users.
func (s *site) green(users int, env ...string) {
	s.t.Helper()
	o := s.drills(env...)
	require.Equal(s.t, 0, o.Status, o.Said)
	rows, ok := o.Value("rows", "users")
	require.True(s.t, ok)
	require.InDelta(s.t, users, rows, 0)
}

// root is the server as its administrator has it.
func (s *site) root() *objectstore.MinIO {
	root := *s.server.Store
	root.Key, root.Secret = s.server.Root.Key, s.server.Root.Secret
	return &objectstore.MinIO{Store: &root}
}

// grant makes two new users of a repository at a path.
func (s *site) grant(path string) users.Access {
	s.t.Helper()
	access, err := users.Grant(s.t.Context(), s.root(), (&net.Dialer{}).DialContext, path)
	require.NoError(s.t, err)
	return access
}

// revoke removes users.
func (s *site) revoke(keys ...string) {
	s.t.Helper()
	require.NoError(s.t, users.Revoke(s.t.Context(), s.root(), (&net.Dialer{}).DialContext, keys...))
}

// hands are what a page cannot type: what is done at the object store or in the inventory when a section begins, and
// what the playbook does, by its arguments.
type hands struct {
	begin map[string]func()
	apply func(arguments string)
}

// follow types a page.
func (s *site) follow(page string, h hands) {
	s.t.Helper()
	typed, err := runbook.Read("../../../fixtures/runbooks/" + page)
	require.NoError(s.t, err)
	preamble := strings.Replace(typed.Preamble, "STANZA=veza", "STANZA="+stanza, 1)
	for _, section := range typed.Sections {
		if begin := h.begin[section.Number]; begin != nil {
			begin()
			delete(h.begin, section.Number)
		}
		for _, block := range section.Blocks {
			switch block.Where {
			case "primary":
				said, err := s.shell(preamble + block.Script)
				require.NoError(s.t, err, "%s\n%s", block.Script, said)
				s.counts()
			case "controller":
				arguments, found := runbook.Play(block.Script)
				require.True(s.t, found, block.Script)
				h.apply(arguments)
			case "drill":
				s.onDrillHost(block.Script)
			default:
				require.Fail(s.t, "the page types something on "+block.Where)
			}
		}
	}
	require.Empty(s.t, h.begin, "sections that the page does not have")
}

var (
	setting = regexp.MustCompile(`\b(DRILL_[A-Z]+)=(\S+)`)
	byHand  = regexp.MustCompile(`^\( set -a; \. /etc/veza-drill/environment; .*/opt/veza-drill/bin/testprom -- ` +
		`/opt/veza-drill/bin/drill\.test -test\.run '\^TestDrill\$' \)$`)
)

// onDrillHost types lines on the drill's host, where testprom is what the units run.
func (s *site) onDrillHost(script string) {
	s.t.Helper()
	for line := range strings.Lines(script) {
		switch line = strings.TrimSpace(line); {
		case line == "systemctl start pgbackrest-drill.service":
			s.green(s.users)
		case line == "systemctl start pgbackrest-check.service":
			o := s.check(nil, "-conf", s.conf())
			require.Equal(s.t, 0, o.Status, o.Said)
		case byHand.MatchString(line):
			var env []string
			rows := s.users
			for _, set := range setting.FindAllStringSubmatch(line, -1) {
				value, named := s.names[strings.TrimPrefix(set[2], "$")]
				if !named {
					value = set[2]
				}
				env = append(env, set[1]+"="+value)
			}
			if _, old := s.names["OLD"]; old {
				rows = s.marksOld()
			}
			s.green(rows, env...)
		default:
			require.Fail(s.t, fmt.Sprintf("%q is not known to be typed on the drill's host", line))
		}
	}
}

// marksOld is how many users the cluster had before it was made anew.
func (s *site) marksOld() int {
	n, err := strconv.Atoi(s.names["users"])
	require.NoError(s.t, err)
	return n
}

package dockertest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/host/docker"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/wait"
)

// place is a site that is open, with its node and store.
type place struct {
	site  *docker.Site
	node  sandbox.Sandbox
	store *objectstore.Store
}

// open opens a site that is gone when the test ends.
func open(t *testing.T) place {
	t.Helper()
	p := place{site: &docker.Site{}}
	begin := time.Now()
	var err error
	p.node, p.store, err = p.site.Open(soon(t), sandbox.Spec{Stanza: "test", Run: t.Name()}, "")
	t.Logf("open: %v", time.Since(begin))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		begin := time.Now()
		if p.node != nil {
			assert.NoError(t, p.node.Destroy(ctx))
		}
		assert.NoError(t, p.store.Close(ctx))
		t.Logf("close: %v", time.Since(begin))
	})
	require.NoError(t, err)
	return p
}

// reaches says whether a machine gets a TCP connection to an address within two seconds.
func reaches(t *testing.T, from host.Host, address string) bool {
	t.Helper()
	program := `use IO::Socket::INET; print IO::Socket::INET->new(PeerAddr => $ARGV[0], Timeout => 2) ? "yes" : "no"`
	result, err := from.Run(soon(t), host.Command{Argv: []string{"perl", "-e", program, address}})
	assert.NoError(t, err)
	return string(result.Stdout) == "yes"
}

// A sandbox of a site reaches the object store, and neither the node nor this machine nor
// the world; a stranger on its network is found out.
func testSiteIsSealed(t *testing.T) {
	p := open(t)
	s := Launch(t, docker.Provider{Site: p.site}, sandbox.Spec{})
	store := net.JoinHostPort(p.store.Endpoint, "9000")
	assert.True(t, reaches(t, s, store))
	assert.True(t, reaches(t, p.node, store))

	listener, err := net.Listen("tcp", "0.0.0.0:0") // a service of this machine
	require.NoError(t, err)
	defer listener.Close() //nolint:errcheck // it is only there to be missed
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	gateway := sh(t, s,
		`perl -lane 'print join ".", map { hex } reverse $F[2] =~ /../g if $F[1] eq "00000000"' /proc/net/route`)
	node := command(t, "docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
		p.node.Name())
	serve(t, p.node, "5432")
	assert.True(t, reaches(t, p.node, net.JoinHostPort(node, "5432")), "what the sandbox must miss is there")
	own, err := (&net.Dialer{}).DialContext(soon(t), "tcp", net.JoinHostPort("127.0.0.1", port))
	require.NoError(t, err, "what the sandbox must miss is there")
	require.NoError(t, own.Close())
	var tries sync.WaitGroup
	for _, address := range append(addresses(t, port), net.JoinHostPort(node, "5432"), "192.0.2.1:80",
		gateway+":"+port) {
		tries.Go(func() { assert.False(t, reaches(t, s, address), address) })
	}
	tries.Wait()
	how, err := s.Isolated(soon(t))
	require.NoError(t, err)
	assert.Equal(t, "its network leads nowhere, and only the object store and machines of this run are on it", how)

	assert.Contains(t, sh(t, s, "getent hosts "+p.store.Endpoint), p.store.Endpoint)
	dns := command(t, "docker", "inspect", "-f", "{{.HostConfig.Dns}}", s.Name())
	assert.Equal(t, "[127.0.0.1]", dns, "no name is asked for outside")

	command(t, "docker", "network", "create", "veza-other")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		assert.NoError(t,
			exec.CommandContext(ctx, "docker", "network", "disconnect", "-f", "veza-other", s.Name()).Run())
		assert.NoError(t, exec.CommandContext(ctx, "docker", "network", "rm", "veza-other").Run())
	})
	command(t, "docker", "network", "connect", "veza-other", s.Name())
	_, err = s.Isolated(soon(t))
	requireReason(t, reason.IsolationBreached, err, "veza-other")
}

// serve makes a machine take connections at a port, and returns when it does.
func serve(t *testing.T, on host.Host, port string) {
	t.Helper()
	program := `use IO::Socket::INET; my $s =
		IO::Socket::INET->new(LocalPort => $ARGV[0], Listen => 5) or die; sleep 60`
	ctx := soon(t)
	go func() { _, _ = on.Run(ctx, host.Command{Argv: []string{"perl", "-e", program, port}}) }()
	require.NoError(
		t,
		wait.For(ctx, "port "+port+" of "+on.Name(), 50*time.Millisecond, func(ctx context.Context) error {
			conn, err := on.Dial(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
			if err != nil {
				return err
			}
			return conn.Close()
		}),
	)
}

// addresses are those of this machine, with a port.
func addresses(t *testing.T, port string) (list []string) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			list = append(list, net.JoinHostPort(n.IP.String(), port))
		}
	}
	return list
}

// The drill's keys list and read the repository's path and nothing else; those of the
// node write there, and nowhere else.
func testStoreHasTwoUsers(t *testing.T) {
	p := open(t)
	assert.NotEqual(t, p.store.Key, p.store.ReadKey)
	ask := func(key, secret, path string, argv ...string) (string, error) {
		require.NoError(
			t,
			p.node.Put(soon(t), p.node.Dir("etc")+"/pgbackrest.conf", conf(p.node, p.store, key, secret, path), 0o600,
				""),
		)
		result, err := p.node.Run(soon(t), host.Command{
			Argv: append(
				[]string{"pgbackrest", "--log-level-console=off", "--log-level-stderr=error"},
				argv...),
		})
		if err != nil {
			return err.Error(), err
		}
		return strings.TrimSpace(string(result.Stdout)), nil
	}
	require.NoError(t, p.node.Put(soon(t), p.node.Dir("etc")+"/ca.crt", p.store.CA, 0o644, ""))
	require.NoError(t, p.put(t, p.store.Key, p.store.Secret, "pgbackrest/dir/file"))
	for user, pair := range map[string][2]string{
		"writer": {p.store.Key, p.store.Secret},
		"reader": {p.store.ReadKey, p.store.ReadSecret},
	} {
		said, err := ask(pair[0], pair[1], "/pgbackrest", "repo-get", "dir/file")
		require.NoError(t, err, user)
		assert.Equal(t, "hello", said, user)
		said, err = ask(pair[0], pair[1], "/pgbackrest", "repo-ls", "dir")
		require.NoError(t, err, user)
		assert.Equal(t, "file", said, user)
		said, err = ask(pair[0], pair[1], "/elsewhere", "repo-ls")
		require.Error(t, err, user)
		assert.Contains(t, said, "AccessDenied", user)
		assert.Equal(t, "AccessDenied", minio.ToErrorResponse(p.put(t, pair[0], pair[1], "elsewhere/other")).Code, user)
	}
	denied := p.put(t, p.store.ReadKey, p.store.ReadSecret, "pgbackrest/dir/file")
	assert.Equal(t, "AccessDenied", minio.ToErrorResponse(denied).Code)
	said, err := ask(p.store.ReadKey, p.store.ReadSecret, "/pgbackrest", "repo-rm", "dir/file")
	require.Error(t, err)
	assert.Contains(t, said, "AccessDenied")
}

// put writes an object, from within the site: pgBackRest has no command for it from 2.60 on.
func (p place) put(t *testing.T, key, secret, name string) error {
	t.Helper()
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(p.store.CA))
	client, err := minio.New(net.JoinHostPort(p.store.Endpoint, strconv.Itoa(p.store.Port)), &minio.Options{
		Creds: credentials.NewStaticV4(key, secret, ""), Secure: true, Region: p.store.Region,
		BucketLookup: minio.BucketLookupPath, MaxRetries: 1,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DialContext: p.node.Dial,
		},
	})
	require.NoError(t, err)
	const content = "hello"
	_, err = client.PutObject(soon(t), p.store.Bucket, name, strings.NewReader(content), int64(len(content)),
		minio.PutObjectOptions{})
	return err
}

// Whoever may ask the engine learns no secret from it, nor from a container's log.
func testNothingSecretIsInspected(t *testing.T) {
	p := open(t)
	Launch(t, docker.Provider{Site: p.site}, sandbox.Spec{})
	ids := strings.Fields(command(t, "docker", "ps", "-aq", "--filter", "label=fr.veza.drill.run="+t.Name()))
	require.Len(t, ids, 3, "store, node and sandbox, and nobody else's")
	said := command(t, "docker", append([]string{"inspect"}, ids...)...)
	for _, id := range ids {
		said += command(t, "docker", "logs", id) + command(t, "docker", "top", id)
	}
	for _, secret := range []string{
		p.store.Key, p.store.Secret, p.store.ReadKey, p.store.ReadSecret,
		"MINIO_ROOT_PASSWORD",
	} {
		assert.NotContains(t, said, secret)
	}
}

// Packages that are tested side by side do not meet.
func testTwoSitesAtOnce(t *testing.T) {
	var sites sync.WaitGroup
	for _, name := range []string{"one", "other"} {
		sites.Go(func() {
			t.Run(name, func(t *testing.T) {
				p := open(t)
				s := Launch(t, docker.Provider{Site: p.site}, sandbox.Spec{})
				_, err := s.Isolated(soon(t))
				assert.NoError(t, err)
			})
		})
	}
	sites.Wait()
}

// conf is a pgbackrest.conf for a path of a store, on a machine that has its ca.crt.
func conf(on sandbox.Sandbox, store *objectstore.Store, key, secret, path string) []byte {
	return []byte(strings.Join([]string{
		"[global]", "repo1-type=s3", "repo1-path=" + path, "repo1-s3-uri-style=path", "repo1-s3-bucket=" + store.Bucket,
		"repo1-s3-endpoint=" + store.Endpoint, "repo1-s3-region=" + store.Region,
		"repo1-storage-port=" + strconv.Itoa(store.Port),
		"repo1-storage-ca-file=" + on.Dir(
			"etc",
		) + "/ca.crt", "repo1-s3-key=" + key, "repo1-s3-key-secret=" + secret, "log-path=" + on.Dir("log"), "",
	}, "\n"))
}

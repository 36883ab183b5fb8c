package lab

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/objectstore/users"
	"veza.fr/recovery/internal/wait"
)

// The object store: MinIO behind TLS, on a node of its own.
const (
	storeNode = "s3"
	storePort = 9000
	// certificateLife is longer than anybody keeps a lab.
	certificateLife = 365 * 24 * time.Hour

	minioProgram = "/usr/local/bin/minio"
	minioDir     = "/etc/minio"
	minioData    = "/srv/minio"
)

//go:embed units/minio.service
var minioUnit string

// minioHere is the program that `make minio` builds; every node of the store uses that file.
func minioHere() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("directory of the MinIO program: %w: set HOME", err)
	}
	path := filepath.Join(cache, "veza-drill", "bin", "minio")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no %s: make minio builds it (some minutes)", path)
	}
	return path, nil
}

// storeDevices lend the node the program: a file of 150 MB is not worth copying.
func storeDevices() (map[string]map[string]string, error) {
	program, err := minioHere()
	return map[string]map[string]string{
		"minio": {"type": "disk", "source": program, "path": minioProgram, "readonly": "true"},
	}, err
}

// setUpStore starts MinIO with fresh credentials, and waits until it answers to its name.
func setUpStore(ctx context.Context, s *site, n node, h host.Host) error {
	m, err := objectstore.NewMinIO(n.fqdn(), storePort, certificateLife)
	if err != nil {
		return err
	}
	m.CA = own(m.CA)
	for _, file := range []struct {
		name    string
		content []byte
	}{
		{"environment", m.Environment()},
		{"certs/public.crt", m.Certificate},
		{"certs/private.key", m.PrivateKey},
	} {
		if err := h.Put(ctx, minioDir+"/"+file.name, file.content, 0o600, "root"); err != nil {
			return err
		}
	}
	if err := root(ctx, h, "mkdir", "-p", minioData+"/"+m.Bucket); err != nil {
		return err
	}
	argv := strings.Join(m.Argv(minioProgram, minioDir+"/certs", minioData), " ")
	if err := unit(ctx, h, "minio.service", strings.ReplaceAll(minioUnit, "@ARGV@", argv)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	s.store = m.Store
	if err := wait.For(ctx, "MinIO on node "+storeNode, 50*time.Millisecond, func(ctx context.Context) error {
		return m.Answers(ctx, n.address())
	}); err != nil {
		return err
	}
	return s.grant(ctx, m, n.address())
}

// grant gives each of the fleets a repository of its own, with keys that open nothing else.
func (s *site) grant(ctx context.Context, m *objectstore.MinIO, address string) error {
	for _, f := range []fleet{formationFleet, nextFleet} {
		access, err := users.Grant(ctx, m, storeDial(address), f.name)
		if err != nil {
			return err
		}
		if err = s.places.saveAccess(f, fleetAccess{
			Access: access, Passphrase: rand.Text() + rand.Text(), Bucket: m.Bucket, Region: m.Region,
		}); err != nil {
			return err
		}
	}
	return nil
}

// storeDial leads to the store by an address, whatever its name leads to.
func storeDial(address string) objectstore.Dial {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, net.JoinHostPort(address, strconv.Itoa(storePort)))
	}
}

// Grant makes two users at the object store, as its administrator does: they may act on a path of its bucket, one of
// them by reading alone. Those of a path that has some already stay as they are, and
// of the formation's own path the inventory has the new ones.
func (l *Lab) Grant(ctx context.Context, path string) (access users.Access, err error) {
	err = l.administer(ctx, func(m *objectstore.MinIO, dial objectstore.Dial) (err error) {
		if access, err = users.Grant(ctx, m, dial, path); err != nil || path != formationFleet.name {
			return err
		}
		kept, err := l.places.access(formationFleet)
		if err != nil {
			return err
		}
		kept.Access = access
		return l.places.saveAccess(formationFleet, kept)
	})
	return access, err
}

// Revoke removes users by their keys.
func (l *Lab) Revoke(ctx context.Context, keys ...string) error {
	return l.administer(ctx, func(m *objectstore.MinIO, dial objectstore.Dial) error {
		return users.Revoke(ctx, m, dial, keys...)
	})
}

// administer acts with the keys of the server itself, which only its node has.
func (l *Lab) administer(ctx context.Context, act func(*objectstore.MinIO, objectstore.Dial) error) error {
	access, err := l.places.access(formationFleet)
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(l.places.copyOf(caFile))
	if err != nil {
		return err
	}
	environment, err := l.Node(storeNode).Read(ctx, minioDir+"/environment")
	if err != nil {
		return err
	}
	n := node{name: storeNode}
	m := &objectstore.MinIO{Store: &objectstore.Store{
		Endpoint: n.fqdn(), Port: storePort, CA: ca, Bucket: access.Bucket, Region: access.Region,
	}}
	for line := range strings.Lines(string(environment)) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), "="); name {
		case "MINIO_ROOT_USER":
			m.Key = value
		case "MINIO_ROOT_PASSWORD":
			m.Secret = value
		}
	}
	return act(m, storeDial(n.address()))
}

// checkStore asks by name, as pgbackrest on this machine will.
func checkStore(ctx context.Context, l *Lab, n node) error {
	ca, err := os.ReadFile(l.places.ca)
	if err != nil {
		return err
	}
	return (&objectstore.Store{Endpoint: n.fqdn(), Port: storePort, CA: ca}).Answers(ctx, "")
}

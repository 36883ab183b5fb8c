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
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, net.JoinHostPort(address, strconv.Itoa(storePort)))
	}
	for _, f := range []fleet{formationFleet, nextFleet} {
		access, err := users.Grant(ctx, m, dial, f.name)
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

// checkStore asks by name, as pgbackrest on this machine will.
func checkStore(ctx context.Context, l *Lab, n node) error {
	ca, err := os.ReadFile(l.places.ca)
	if err != nil {
		return err
	}
	return (&objectstore.Store{Endpoint: n.fqdn(), Port: storePort, CA: ca}).Answers(ctx, "")
}

package docker

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/objectstore/users"
	"veza.fr/recovery/internal/sandbox"
)

const (
	minioImage    = imagePrefix + "minio:latest"
	minioVariable = "DRILL_MINIO_IMAGE"

	storeName = "s3.veza.test" // the store's name on both networks, and in its certificate
	storePort = 9000
	storeLife = 7 * 24 * time.Hour // of its certificate: much longer than any run

	// Places in the store's container.
	storeData         = "/data"
	storeCertificates = "/certs"
	storeEnvironment  = "/minio.env"
)

// Site is where the containers of one process stand: a network for the node that is
// backed up, one for sandboxes, and an object store on both. So a sandbox never reaches
// the node. The zero Site is closed.
type Site struct {
	mu    sync.Mutex
	boxes *network
}

// sandboxes is the network sandboxes are on; nil before the site is open.
func (s *Site) sandboxes() *network {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.boxes
}

// Open makes the networks, the store with its two users, and the machine of the node, of
// which image is the image ("" for ours). Half-made ones are returned with the error:
// destroying the machine and closing the store, in that order, removes all of it.
func (s *Site) Open(ctx context.Context, spec sandbox.Spec, image string) (sandbox.Sandbox, *objectstore.Store, error) {
	e, err := connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	made := &ground{engine: e}
	minio, err := objectstore.NewMinIO(storeName, storePort, storeLife)
	if err != nil {
		return nil, nil, failed(err)
	}
	minio.OnClose(func(ctx context.Context) error { return errors.Join(s.close(), made.remove(ctx)) })
	if err = made.build(ctx, spec, minio); err != nil {
		return nil, minio.Store, err
	}
	node, err := Provider{
		Image: image,
	}.launch(ctx, e, sandbox.Spec{Stanza: spec.Stanza, Run: spec.Run, Until: spec.Until, Major: spec.Major}, made.nodes,
		nil)
	if err == nil {
		err = failed(users.Admit(ctx, minio, node.Dial))
	}
	if node == nil {
		return nil, minio.Store, err
	}
	if err == nil {
		s.mu.Lock()
		s.boxes = made.boxes
		s.mu.Unlock()
	}
	return node, minio.Store, err
}

func (s *Site) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boxes = nil
	return nil
}

// ground is what a site is made of.
type ground struct {
	engine       *engine
	nodes, boxes *network
	store        string // id of the store's container
}

func (g *ground) build(ctx context.Context, spec sandbox.Spec, minio *objectstore.MinIO) (err error) {
	image := cmp.Or(os.Getenv(minioVariable), minioImage)
	if err = g.engine.image(ctx, image); err != nil {
		return err
	}
	if g.nodes, err = g.engine.network(ctx, spec); err != nil {
		return err
	}
	if g.boxes, err = g.engine.network(ctx, spec); err != nil {
		return err
	}
	g.store, err = run(ctx, g.request(spec, image, minio))
	if g.store != "" {
		g.nodes.admit(g.store)
		g.boxes.admit(g.store)
	}
	return err
}

// request is the store's container. Its secrets lie in files that are there before it
// starts: what stands in a container's environment or command, docker inspect shows.
func (g *ground) request(spec sandbox.Spec, image string, minio *objectstore.MinIO) testcontainers.ContainerRequest {
	file := func(path string, content []byte) testcontainers.ContainerFile {
		return testcontainers.ContainerFile{Reader: bytes.NewReader(content), ContainerFilePath: path, FileMode: 0o600}
	}
	return testcontainers.ContainerRequest{
		Image: image, Name: containerName(), Labels: labels(spec),
		Entrypoint: []string{}, Cmd: minio.Argv("minio", storeCertificates, storeData),
		Env: map[string]string{"MINIO_CONFIG_ENV_FILE": storeEnvironment, "HOME": "/"},
		Files: []testcontainers.ContainerFile{
			file(storeEnvironment, minio.Environment()),
			file(storeCertificates+"/public.crt",
				minio.Certificate), file(storeCertificates+"/private.key", minio.PrivateKey),
		},
		Networks:       []string{g.nodes.name, g.boxes.name},
		NetworkAliases: map[string][]string{g.nodes.name: {storeName}, g.boxes.name: {storeName}},
		HostConfigModifier: func(c *container.HostConfig) {
			initial := true
			c.Init = &initial
			c.CapDrop, c.SecurityOpt = []string{"ALL"}, []string{"no-new-privileges"}
		},
	}
}

// remove removes what was made, the networks last.
func (g *ground) remove(ctx context.Context) error {
	var err error
	if g.store != "" {
		err = g.engine.remove(ctx, g.store)
	}
	for _, n := range []*network{g.nodes, g.boxes} {
		if n != nil {
			err = errors.Join(err, g.engine.unlink(ctx, n.id))
		}
	}
	return err
}

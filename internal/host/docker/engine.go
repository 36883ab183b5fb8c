// Package docker is the host that is a container of a Docker engine, made with
// testcontainers-go. A seeded source gets networks of its own, with MinIO on them; an
// existing repository is reached through this process, by a container without a network.
package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/reason"
)

// Bounds on what the engine is asked for.
const (
	callTime   = 30 * time.Second // a question, or a change that takes no time
	launchTime = 2 * time.Minute  // a container, its image being there
	pullTime   = 10 * time.Minute // an image of a registry
)

// ryukOff is the variable that keeps testcontainers from starting its own reaper: that one
// removes everything when this process ends, kept sandboxes as well, and its image may not
// be there. Our own reaper knows who is still wanted.
const ryukOff = "TESTCONTAINERS_RYUK_DISABLED"

// prepare sets what testcontainers reads for the whole process, once: sandboxes are made
// side by side.
var prepare = sync.OnceValue(func() error {
	log.SetDefault(log.NewNoopLogger()) // what a run says is for the drill to decide
	return os.Setenv(ryukOff, "true")
})

// engine is a connection to a Docker engine.
type engine struct{ *client.Client }

// connect reaches the engine the environment names (DOCKER_HOST, as for the docker
// command) and asks it once. No engine is sandbox_failed, with what to do.
func connect(ctx context.Context) (*engine, error) {
	if err := prepare(); err != nil {
		return nil, failed(err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	c, err := client.New(client.FromEnv)
	if err == nil {
		_, err = c.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	}
	if err != nil {
		return nil, reason.Errorf(
			reason.SandboxFailed,
			"no Docker engine answers at %s: %w: start it (systemctl start docker, or .ci/docker), "+
				"or name another one in DOCKER_HOST",
			place(),
			err,
		)
	}
	return &engine{c}, nil
}

// place is where the engine is looked for.
func place() string {
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		return host
	}
	return client.DefaultDockerHost
}

// Present says whether there is an engine to ask: one that was named, or a socket on this
// machine that this user may use. A machine without one has nothing to reap.
func (Provider) Present() bool {
	if os.Getenv("DOCKER_HOST") != "" {
		return true
	}
	return unix.Access(strings.TrimPrefix(client.DefaultDockerHost, "unix://"), unix.W_OK) == nil
}

// image makes sure that an image is there: one of a registry is fetched.
func (e *engine) image(ctx context.Context, name string) error {
	bound, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	_, err := e.ImageInspect(bound, name)
	if err == nil || !errdefs.IsNotFound(err) {
		return failed(err)
	}
	if !ofRegistry(name) {
		return reason.Errorf(
			reason.ImageMissing,
			"there is no image %s: build it with `%s`, or "+
				"name one of a registry in DRILL_IMAGE and DRILL_MINIO_IMAGE",
			name, howToBuild(name),
		)
	}
	ctx, cancel = context.WithTimeoutCause(ctx, pullTime,
		reason.Errorf(reason.ImageMissing, "image %s was not fetched within %s", name, pullTime))
	defer cancel()
	pull, err := e.ImagePull(ctx, name, client.ImagePullOptions{})
	if err == nil {
		err = errors.Join(pull.Wait(ctx), pull.Close())
	}
	if err != nil {
		return reason.Errorf(reason.ImageMissing, "image %s is not here and cannot be fetched: %w", name, err)
	}
	return nil
}

// ofRegistry says whether an image's name leads to a registry: ours are made on the machine.
func ofRegistry(name string) bool { return !strings.HasPrefix(name, imagePrefix) }

// howToBuild is the command that makes one of our images: the tag of a server's is its major version.
func howToBuild(name string) string {
	if major, ok := strings.CutPrefix(name, sandboxImage); ok && major != lastMade {
		return "PG_MAJOR=" + major + " make images"
	}
	return "make images"
}

// failed gives an error of this provider its reason.
func failed(err error) error {
	if err == nil {
		return nil
	}
	if text := strings.ToLower(err.Error()); strings.Contains(text, "no space left on device") ||
		strings.Contains(text, "quota exceeded") {
		return reason.Wrap(reason.DiskSpace, err)
	}
	return reason.Wrap(reason.SandboxFailed, err)
}

// run makes and starts a container. One that was made and did not start is returned with
// the error: it is still there. A request that is cut off is carried out all the same, and
// nobody would know the id: it runs to its end, whatever becomes of ctx.
func run(ctx context.Context, request testcontainers.ContainerRequest) (string, error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), launchTime)
	defer cancel()
	made, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: request, Started: true, Logger: log.NewNoopLogger(),
	})
	id := ""
	if made != nil {
		id = made.GetContainerID()
	}
	if err != nil {
		return id, failed(fmt.Errorf("container %s of image %s: %w", request.Name, request.Image, err))
	}
	return id, nil
}

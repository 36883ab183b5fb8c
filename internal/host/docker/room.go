package docker

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/moby/moby/client"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/sandbox"
)

var _ sandbox.Measurer = Provider{}

// backings are the file systems below an engine's layers on which a file takes as many bytes as are written to it,
// as the engine names them.
var backings = []string{"extfs", "ext4", "xfs", "tmpfs"}

// Room is what is free where the engine keeps its containers, as the control machine sees it, which is one of them.
func (Provider) Room(ctx context.Context, control host.Host) (sandbox.Room, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	said, err := control.Run(ctx, host.Command{Argv: []string{"df", "-B1", "--output=avail,size", "/"}})
	if err != nil {
		return sandbox.Room{}, err
	}
	e, err := connect(ctx)
	if err != nil {
		return sandbox.Room{}, err
	}
	about, err := e.Info(ctx, client.InfoOptions{})
	if err != nil {
		return sandbox.Room{}, failed(err)
	}
	room, err := readRoom(string(said.Stdout))
	room.Place = fmt.Sprintf("the data root of the Docker engine (%s)", about.Info.DockerRootDir)
	room.Mend = "free some there (docker system df says what takes it), or give the engine a larger one"
	room.Doubt = doubt(about.Info.DriverStatus)
	return room, err
}

// readRoom reads what df says.
func readRoom(said string) (room sandbox.Room, err error) {
	_, numbers, _ := strings.Cut(strings.TrimSpace(said), "\n") // after the line with the columns' names
	fields := strings.Fields(numbers)
	if len(fields) == 2 {
		room.Free, err = amount(fields[0])
		if err == nil {
			room.Total, err = amount(fields[1])
		}
	}
	if len(fields) != 2 || err != nil {
		return sandbox.Room{}, fmt.Errorf("df says %q", said)
	}
	return room, nil
}

// doubt is why a container may hold more than is free: what lies below the engine's layers may compress.
func doubt(status [][2]string) string {
	for _, line := range status {
		if line[0] != "Backing Filesystem" {
			continue
		}
		for _, known := range backings {
			if line[1] == known {
				return ""
			}
		}
		return fmt.Sprintf("its file system, %s, may compress", line[1])
	}
	return "what file system it lies on is not known"
}

// amount is a number of bytes.
func amount(digits string) (int64, error) {
	n, err := strconv.ParseUint(digits, 10, 63)
	return int64(n), err
}

package incus

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"veza.fr/recovery/internal/host/guest"
	"veza.fr/recovery/internal/reason"
)

// socketsDir holds a directory of sockets for each instance that was dialled from this
// machine. Only root may enter: behind the sockets lie restored production data.
const socketsDir = "/run/veza-drill"

// dialProxy connects through a proxy device, which is added at the first call for an address. A
// proxy takes every connection, so whether somebody listens is asked first.
func (h *Host) dialProxy(ctx context.Context, address string) (net.Conn, error) {
	if _, err := h.Script(ctx, guest.Perl(guest.ListensScript, address), nil); err != nil {
		return nil, err
	}
	socket, err := h.proxy(ctx, address)
	if err != nil {
		return nil, failed(err)
	}
	return (&net.Dialer{}).DialContext(ctx, "unix", socket)
}

// proxy is the socket on this machine that leads to an address inside.
func (h *Host) proxy(ctx context.Context, address string) (string, error) {
	h.proxying.Lock() // one at a time: a second call for the address waits for the first
	defer h.proxying.Unlock()
	if socket, ok := h.proxies[address]; ok {
		return socket, nil
	}
	if h.sockets == "" {
		dir, err := makeSocketsDir(h.name)
		if err != nil {
			return "", err
		}
		h.sockets = dir
	}
	user, err := h.Account(ctx, "")
	if err != nil {
		user = guest.Root
	}
	sum := sha256.Sum256([]byte(address))
	name := hex.EncodeToString(sum[:4])
	socket := filepath.Join(h.sockets, name)
	err = h.patch(ctx, change{
		Config: map[string]string{keySockets: h.sockets},
		Devices: map[string]map[string]string{"dial-" + name: {
			"type": "proxy", "bind": "host", "listen": "unix:" + socket, "connect": "unix:" + address,
			"mode": "0600", "uid": "0", "gid": "0", "security.uid": user.UID, "security.gid": user.GID,
		}},
	})
	if err != nil {
		return "", fmt.Errorf("proxy device: %w", err)
	}
	h.proxies[address] = socket
	return socket, nil
}

// makeSocketsDir makes the directory of one instance's sockets, with the tag of its owner.
func makeSocketsDir(name string) (string, error) {
	err := os.Mkdir(socketsDir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if info, err := os.Lstat(socketsDir); err != nil || !guest.Private(info) {
		return "", reason.Errorf(reason.SandboxFailed, "%s is not a directory of root's own (mode 0700): remove it",
			socketsDir)
	}
	dir := filepath.Join(socketsDir, name+"."+strings.ToLower(rand.Text()[:8]))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, guest.OwnerFile), []byte(guest.ThisOwner()+"\n"), 0o600)
}

// removeSockets removes what was made on this machine for the container.
func (h *Host) removeSockets() error {
	h.proxying.Lock()
	defer h.proxying.Unlock()
	if h.sockets == "" {
		return nil
	}
	return os.RemoveAll(h.sockets)
}

package incus

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
)

// serviceUser runs the commands that name no user: PostgreSQL refuses root, and pgbackrest
// must never be run as root (facts A1).
const serviceUser = "postgres"

// rootUser is the one user that needs no looking up.
const rootUser = "root"

// account is a user inside the container.
type account struct {
	name     string
	uid, gid string
	groups   string // gid and supplementary groups, by spaces
	home     string
}

var errNoUser = errors.New("there is no user")

var root = account{name: rootUser, uid: "0", gid: "0", groups: "0", home: "/root"}

// account looks up a user inside; "" is the default one. What was found is remembered.
func (h *Host) account(ctx context.Context, name string) (account, error) {
	name = cmp.Or(name, serviceUser)
	if name == rootUser {
		return root, nil
	}
	h.mu.Lock()
	known, ok := h.accounts[name]
	h.mu.Unlock()
	if ok {
		return known, nil
	}
	script := `getent passwd -- "$1" && id -G -- "$1"`
	var stdout, stderr bytes.Buffer
	code, err := h.asRoot(ctx, []string{"sh", "-c", script, "sh", name}, streams{stdout: &stdout, stderr: &stderr})
	if err != nil {
		return account{}, err
	}
	if code != 0 {
		return account{}, fmt.Errorf("%w %q in %s", errNoUser, name, h.name)
	}
	a, err := parseAccount(stdout.String())
	if err != nil {
		return account{}, fmt.Errorf("user %q in %s: %w", name, h.name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accounts[name] = a
	return a, nil
}

// parseAccount reads a line of passwd(5), and one of the ids of groups.
func parseAccount(text string) (account, error) {
	passwd, groups, _ := strings.Cut(strings.TrimSpace(text), "\n")
	fields := strings.Split(passwd, ":")
	if len(fields) < 7 || groups == "" || strings.Contains(groups, "\n") {
		return account{}, errors.New("its entry cannot be read")
	}
	return account{name: fields[0], uid: fields[2], gid: fields[3], groups: groups, home: cmp.Or(fields[5], "/")}, nil
}

package guest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"veza.fr/recovery/internal/host"
)

// RootUser is the one user that needs no looking up.
const RootUser = "root"

// Account is a user inside the machine.
type Account struct {
	Name     string
	UID, GID string
	Groups   string // gid and supplementary groups, by spaces
	Home     string
}

// ErrNoUser is a user the machine does not have.
var ErrNoUser = errors.New("there is no user")

// Root is the user that is always there.
var Root = Account{Name: RootUser, UID: "0", GID: "0", Groups: "0", Home: "/root"}

// Account looks up a user inside; "" is the default one. What was found is remembered.
func (m *Machine) Account(ctx context.Context, name string) (Account, error) {
	name = cmp.Or(name, host.ServiceUser)
	if name == RootUser {
		return Root, nil
	}
	m.mu.Lock()
	known, ok := m.accounts[name]
	m.mu.Unlock()
	if ok {
		return known, nil
	}
	script := `getent passwd -- "$1" && id -G -- "$1"`
	var stdout, stderr bytes.Buffer
	code, err := m.AsRoot(ctx, []string{"sh", "-c", script, "sh", name}, Streams{Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		return Account{}, err
	}
	if code != 0 {
		return Account{}, fmt.Errorf("%w %q in %s", ErrNoUser, name, m.name)
	}
	a, err := parseAccount(stdout.String())
	if err != nil {
		return Account{}, fmt.Errorf("user %q in %s: %w", name, m.name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts[name] = a
	return a, nil
}

// parseAccount reads a line of passwd(5), and one of the ids of groups.
func parseAccount(text string) (Account, error) {
	passwd, groups, _ := strings.Cut(strings.TrimSpace(text), "\n")
	fields := strings.Split(passwd, ":")
	if len(fields) < 7 || groups == "" || strings.Contains(groups, "\n") {
		return Account{}, errors.New("its entry cannot be read")
	}
	return Account{Name: fields[0], UID: fields[2], GID: fields[3], Groups: groups, Home: cmp.Or(fields[5], "/")}, nil
}

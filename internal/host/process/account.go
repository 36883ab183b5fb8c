package process

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/reason"
)

// account is a user of this machine.
type account struct {
	name     string
	uid, gid uint32
	groups   []uint32
}

// defaultAccount is whom commands run as: host.ServiceUser under root, else whoever runs the drill.
func defaultAccount() (account, error) {
	if os.Geteuid() == 0 {
		return lookup(host.ServiceUser)
	}
	u, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	if err != nil {
		return account{}, reason.Errorf(reason.SandboxFailed, "user %d of this process: %w", os.Geteuid(), err)
	}
	return fromUser(u)
}

// lookup finds a user of this machine by name, with the supplementary groups
// (ssl-cert on Debian) a real login would have.
func lookup(name string) (account, error) {
	u, err := user.Lookup(name)
	if unknown, ok := errors.AsType[user.UnknownUserError](err); ok {
		return account{}, reason.Errorf(reason.ToolMissing,
			"there is no user %q on this machine: apt-get install postgresql pgbackrest", string(unknown))
	}
	if err != nil {
		return account{}, reason.Errorf(reason.SandboxFailed, "user %q: %w", name, err)
	}
	return fromUser(u)
}

func fromUser(u *user.User) (account, error) {
	ids, err := u.GroupIds()
	if err != nil {
		return account{}, reason.Errorf(reason.SandboxFailed, "groups of user %q: %w", u.Username, err)
	}
	a := account{name: u.Username}
	for _, id := range append([]string{u.Uid, u.Gid}, ids...) {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return account{}, reason.Errorf(reason.SandboxFailed, "user %q has the id %q: %w", u.Username, id, err)
		}
		a.groups = append(a.groups, uint32(n))
	}
	a.uid, a.gid, a.groups = a.groups[0], a.groups[1], a.groups[2:]
	return a, nil
}

// account is the user a command or a file is for; "" is the host's own.
func (h *Host) account(name string) (account, error) {
	if name == "" || name == h.user.name {
		return h.user, nil
	}
	if os.Geteuid() != 0 {
		return account{}, fmt.Errorf("user %q: only root can act for another user", name)
	}
	return lookup(name)
}

// credential makes a command run as a; nil where this process is a already.
func (a account) credential() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid, Groups: a.groups}
}

package drill

import (
	"context"
	"net"
	"path"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// launch makes the throw-away machine.
func (d *drill) launch(ctx context.Context) (err error) {
	d.box, err = d.provider.Launch(ctx, d.spec(ctx))
	if err != nil {
		return reason.Wrap(reason.SandboxFailed, err)
	}
	d.say("sandbox %s", d.box.Name())
	return nil
}

// spec says what the sandbox is for, and which ways out it needs: to the object
// stores of the stanza, or to the directories of its posix repositories.
func (d *drill) spec(ctx context.Context) sandbox.Spec {
	spec := sandbox.Spec{Stanza: d.stanza, Run: d.run, Major: d.info.Version(d.set), Need: d.need()}
	if deadline, ok := d.ctx.Deadline(); ok {
		spec.Until = deadline.Add(cleanupGrace)
	}
	for _, key := range d.conf.parsed.Repos() {
		repo := d.conf.parsed.Repo(d.stanza, key)
		if _, ok := repo.Served(); !ok {
			continue
		}
		address, remote := repo.Address()
		if key != d.settings.Repo && !d.there(ctx, repo) {
			continue
		}
		if remote {
			spec.Stores = append(spec.Stores, sandbox.Address{Host: address.Host, Port: address.Port})
		} else {
			spec.Folders = []string{path.Clean(repo.Path())}
		}
	}
	return spec
}

// there says whether a repository that is not drilled gets a way as well: an object
// store whose name is known. It is no fault of the drilled one when it is not.
func (d *drill) there(ctx context.Context, repo pgbackrest.Repo) bool {
	address, remote := repo.Address()
	if !remote {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, toolTimeout)
	defer cancel()
	_, err := net.DefaultResolver.LookupHost(ctx, address.Host)
	if err != nil {
		d.note("nothing leads to repository %d, which is not drilled: %v", repo.Key, err)
	}
	return err == nil
}

// served refuses, before anything is made, a repository that a sandbox without a
// network cannot reach.
func (d *drill) served(context.Context) error {
	if d.env.local {
		return nil
	}
	for _, key := range d.conf.parsed.Repos() {
		name, ok := d.conf.parsed.Repo(d.stanza, key).Served()
		switch {
		case ok:
		case key == d.settings.Repo:
			return reason.Errorf(reason.ConfigInvalid, "%s: %s is not served in a sandbox of environment %s yet: "+
				"repositories of type s3 and posix are; drill this one with -conf in the environment without a tag", d.conf.parsed.Path, name, d.env.name)
		default:
			d.note("%s is not served in a sandbox yet: nothing leads to it", name)
		}
	}
	return nil
}

// sameAnswer proves that the sandbox sees the repository as this machine did: what it
// alone cannot read is the sandbox's fault, not the backup's.
func (d *drill) sameAnswer(ctx context.Context) error {
	if d.env.local {
		return nil
	}
	info, err := d.client.Info(ctx)
	if err == nil {
		if status := info.RepoStatus(d.settings.Repo); status.Code != 0 {
			err = reason.Errorf(reason.SandboxFailed, "%s", pgbackrest.Printable(status.Message))
		}
	}
	if why, _ := reason.Of(err); err != nil && why != reason.RepoUnreachable {
		return reason.Errorf(reason.SandboxFailed, "this machine reads repository %d, the sandbox does not: %s", d.settings.Repo, pgbackrest.Printable(err.Error()))
	}
	return err
}

package repository

import (
	"context"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// otherConfName is the conf of WithConf, beside the real one.
const otherConfName = "other.conf"

// WithConf is the same pgBackRest with a changed conf, such as one with another passphrase:
// what somebody else would find. conf.d, where there is one, is changed too and becomes part
// of it.
func (c Client) WithConf(
	ctx context.Context,
	on sandbox.Sandbox,
	change func(conf []byte) []byte,
) (*pgbackrest.Client, error) {
	content := change(c.Conf.content)
	for _, name := range c.Conf.included() {
		content = append(append(content, '\n'), change(c.Conf.include[name])...)
	}
	other := *c.Pgbackrest
	other.Config, other.Include = on.Dir("etc")+"/"+otherConfName, ""
	if err := on.Put(ctx, other.Config, content, 0o640, ""); err != nil {
		return nil, reason.Wrap(reason.SandboxFailed, err)
	}
	return &other, nil
}

package pgbackrest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
)

// A machine that reaches object stores and directories alone has no use for keys which somebody else hands out.
func TestServed(t *testing.T) {
	for conf, want := range map[string]string{
		"repo1-type=s3": "",
		"repo1-type=s3\nrepo1-s3-key-type=shared":     "",
		"repo1-type=posix\nrepo1-s3-key-type=auto":    "",
		"repo1-path=/repo":                            "",
		"repo1-type=s3\nrepo1-s3-key-type=auto":       "repo1-s3-key-type=auto",
		"repo1-type=s3\nrepo1-s3-key-type=web-id":     "repo1-s3-key-type=web-id",
		"repo1-type=azure\nrepo1-azure-key-type=auto": "repo1-type=azure",
		"repo1-host=h\nrepo1-type=posix":              "repo1-host",
	} {
		name, ok := parse(t, "[global]\n"+conf+"\n[v]\n").Repo("v", 1).Served()
		assert.Equal(t, want == "", ok, conf)
		if !ok {
			assert.Equal(t, want, name)
		}
	}
}

// What the key type asks for comes from this machine, where it is set; nothing else does, and no token itself.
func TestIdentity(t *testing.T) {
	t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/run/token")
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials")
	t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret")
	for conf, want := range map[string][]string{
		"s3\nrepo1-s3-key-type=web-id": {
			"AWS_ROLE_ARN=arn:aws:iam::1:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE=/run/token",
		},
		"s3\nrepo1-s3-key-type=pod-id": {"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials"},
		"s3":                           nil, "s3\nrepo1-s3-key-type=auto": nil,
		"posix\nrepo1-s3-key-type=web-id": nil,
	} {
		assert.Equal(t, want, parse(t, "[global]\nrepo1-type="+conf+"\n[v]\n").Repo("v", 1).Identity(), conf)
	}
}

// Every command that reaches the store has it, and so has PostgreSQL, which runs archive-get.
func TestIdentity_IsHandedOn(t *testing.T) {
	who := "AWS_ROLE_ARN=r"
	box := &envHost{}
	client := &Client{Host: box, Stanza: "v", Repo: 1, Identity: []string{who}}
	_, err := client.List(t.Context(), "archive")
	require.NoError(t, err)
	require.NoError(t, client.ArchiveGet(t.Context(), "000000010000000000000001", "/x"))
	require.NoError(t, client.Restore(t.Context(), RestoreOptions{Set: "s"}, nil))
	_, err = client.Verify(t.Context())
	require.Error(t, err, "it said nothing")
	require.Len(t, box.envs, 4)
	for _, env := range append(box.envs, client.ReplayEnv(Getting{}), client.ReplayEnv(Getting{Async: true})) {
		assert.True(t, slices.Contains(env, who), env)
	}
}

// envHost remembers the environment of what ran.
type envHost struct {
	host.Host
	envs [][]string
}

func (h *envHost) Run(_ context.Context, c host.Command) (host.Result, error) {
	h.envs = append(h.envs, c.Env)
	return host.Result{}, nil
}

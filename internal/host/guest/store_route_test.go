package guest

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// Every name has an address of its own inside, so that two may share a port.
func TestLayout(t *testing.T) {
	stores, err := Layout([]sandbox.Address{
		{Host: "S3.Example.org.", Port: "443"},
		{Host: "127.0.0.2", Port: "443"},
		{Host: "localhost", Port: "9000"},
		{Host: "other.example.org", Port: "443"},
		{Host: "s3.example.org", Port: "443"},
		{Host: "s3.example.org", Port: "8443"},
		{Host: "[2001:db8::1]", Port: "443"},
		{Host: "192.0.2.7", Port: "443"},
		{Host: "192.0.2.7", Port: "9000"},
	})
	require.NoError(t, err)
	var found []string
	for n := range stores {
		found = append(found, stores[n].Host+" "+net.JoinHostPort(stores[n].Inside.String(), stores[n].Port))
	}
	assert.Equal(t, []string{
		"s3.example.org 127.0.0.3:443",
		"127.0.0.2 127.0.0.2:443",
		"localhost 127.0.0.1:9000",
		"other.example.org 127.0.0.4:443",
		"s3.example.org 127.0.0.3:8443",
		"2001:db8::1 [2001:db8::1]:443",
		"192.0.2.7 192.0.2.7:443",
		"192.0.2.7 192.0.2.7:9000",
	}, found)
	assert.Equal(t, []string{"2001:db8::1", "192.0.2.7"}, Literals(stores))
	assert.Equal(
		t,
		"127.0.0.1 localhost\n127.0.1.1 box\n::1 ip6-localhost ip6-loopback\n127.0.0.3 s3.example.org\n127.0.0.4 "+
			"other.example.org\n",
		Hosts("box", stores),
	)
}

func TestLayout_Refused(t *testing.T) {
	for _, a := range []sandbox.Address{
		{Host: "", Port: "1"},
		{Host: "a", Port: ""},
		{Host: "a", Port: "https"},
		{Host: "a", Port: "65536"},
	} {
		_, err := Layout([]sandbox.Address{a})
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, "%v", a)
	}
}

func TestResolve(t *testing.T) {
	for host, want := range map[string]string{"192.0.2.7": "192.0.2.7:443", "2001:db8::1": "[2001:db8::1]:443"} {
		s := Store{Host: host, Port: "443"}
		require.NoError(t, s.Resolve(t.Context()))
		assert.Equal(t, want, s.Target)
	}
}

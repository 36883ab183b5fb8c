package incus

import (
	"fmt"
	"net"

	"veza.fr/recovery/internal/host/guest"
)

// proxies are the devices that lead to the stores.
func proxies(stores []guest.Store) map[string]map[string]string {
	devices := map[string]map[string]string{}
	for n, s := range stores {
		devices[fmt.Sprintf("store-%d", n+1)] = map[string]string{
			"type": "proxy", "bind": "instance",
			"listen":  "tcp:" + net.JoinHostPort(s.Inside.String(), s.Port),
			"connect": "tcp:" + s.Target,
		}
	}
	return devices
}

package pgbackrest

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"strings"
)

// subjectAltName is the extension that holds the names a certificate is for.
const subjectAltName = "2.5.29.17"

// CheckCertificate judges a server's certificate as pgBackRest does, as far as Go can: signed by one of the roots (nil:
// by this machine's own), and for the name. Its common name counts where it has no other (tlsClientHostVerify), which
// Go refuses by itself.
func CheckCertificate(state tls.ConnectionState, name string, roots *x509.CertPool) error {
	between := x509.NewCertPool()
	for _, certificate := range state.PeerCertificates[1:] {
		between.AddCert(certificate)
	}
	leaf := state.PeerCertificates[0]
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		return err
	}
	named := slices.ContainsFunc(leaf.Extensions, func(e pkix.Extension) bool {
		return e.Id.String() == subjectAltName
	})
	if !named && namesHost(leaf.Subject.CommonName, name) {
		return nil
	}
	return leaf.VerifyHostname(name)
}

// namesHost says whether a certificate's name, which may begin with "*.", is that of a host.
func namesHost(pattern, host string) bool {
	if rest, wild := strings.CutPrefix(pattern, "*."); wild {
		_, domain, found := strings.Cut(host, ".")
		return found && strings.EqualFold(rest, domain)
	}
	return pattern != "" && strings.EqualFold(pattern, host)
}

//! How applications by https are spoken to.

use crate::kind::{Kind, OptionSpec, Reload, Words};

/// In the order of the documentation.
pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        key: "upstream_tls.ca",
        kind: Kind::Path {
            place: |c| &mut c.tls_options.upstream_ca,
            without: "the authorities that this machine trusts",
        },
        flag: None,
        summary: "PEM file of the authorities that applications' certificates are from",
        text: "PEM file with the certificates of those who vouch for the applications' certificates, or with the \
               applications' certificates themselves. It takes the place of the authorities that this machine \
               trusts: those vouch for anybody who has a domain. A relative path counts from the working directory.",
        example: "\"/etc/larder/internal-ca.pem\"",
        reload: Reload::Live,
    },
    OptionSpec {
        key: "upstream_tls.name",
        kind: Kind::Text {
            place: |c| &mut c.tls_options.upstream_name,
            default: "",
            of: Words::CertificateName,
        },
        flag: None,
        summary: "The name that applications' certificates are for, if `upstream` does not say it",
        text: "The name that an application's certificate has to be for, and that the application is asked for \
               (SNI): for an `upstream` that is an address, or a name that only your network knows. It holds for all \
               applications by https. Not set, it is the host in `upstream`, and an address there has to be in \
               the certificate. The request's `Host` is the visitor's in any case.",
        example: "\"app.example.com\"",
        reload: Reload::Live,
    },
];

/// In the section of what is unsafe.
pub(super) const DANGER: OptionSpec = OptionSpec {
    key: "danger.insecure_upstream",
    kind: Kind::Switch { place: |c| &mut c.tls_options.insecure_upstream, default: false },
    flag: None,
    summary: "Take any certificate of an application",
    text: "`true` takes whatever certificate an application by https shows, so whoever is on the way can read and \
           change everything, visitors' sessions too. `upstream_tls.ca` with the application's own certificate is \
           as quick to set up, and safe.",
    example: "true",
    reload: Reload::Live,
};

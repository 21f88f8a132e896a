use super::*;
use std::os::unix::fs::PermissionsExt as _;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_ca_is_made_once_and_its_files_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("farm");
    let made = CertificateAuthority::load_or_create(&dir).unwrap();
    let read = CertificateAuthority::load_or_create(&dir).unwrap();
    assert_eq!(made.cert_pem(), read.cert_pem());
    assert_eq!((mode(&dir), mode(&dir.join("ca.key"))), (0o700, 0o600));
}

#[test]
fn a_ca_without_its_key_is_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    CertificateAuthority::load_or_create(dir.path()).unwrap();
    fs::remove_file(dir.path().join("ca.key")).unwrap();
    let refused = CertificateAuthority::load_or_create(dir.path()).unwrap_err();
    assert!(refused.to_string().contains("ca.key"), "{refused}");
}

#[test]
fn an_identity_is_kept_until_it_lacks_a_name() {
    let dir = tempfile::tempdir().unwrap();
    let first = Identity::load_or_create(dir.path(), &[]).unwrap();
    let again = Identity::load_or_create(dir.path(), &["127.0.0.1".to_owned()]).unwrap();
    assert_eq!(first.cert_pem, again.cert_pem);
    let named = Identity::load_or_create(dir.path(), &["farm.lan".to_owned()]).unwrap();
    assert_ne!(first.cert_pem, named.cert_pem);
    assert_eq!(first.ca_pem, named.ca_pem);
    assert_eq!(mode(&dir.path().join("server.key")), 0o600);
}

#[test]
fn a_key_that_was_lost_or_is_another_ones_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let first = Identity::load_or_create(dir.path(), &[]).unwrap();
    fs::remove_file(dir.path().join("server.key")).unwrap();
    let second = Identity::load_or_create(dir.path(), &[]).unwrap();
    assert_ne!(first.cert_pem, second.cert_pem);
    fs::write(dir.path().join("server.key"), &first.key_pem).unwrap();
    let third = Identity::load_or_create(dir.path(), &[]).unwrap();
    assert_ne!(second.cert_pem, third.cert_pem);
}

#[test]
fn a_bundle_is_an_identity_for_exactly_its_hosts() {
    let dir = tempfile::tempdir().unwrap();
    let ca = CertificateAuthority::load_or_create(&dir.path().join("farm")).unwrap();
    let bundle = dir.path().join("agent-1");
    let hosts = ["10.0.0.7".to_owned()];
    let password = write_bundle(&ca, &bundle, "agent-1", &hosts).unwrap();
    for file in ["ca.pem", "server.pem", "server.key", "password"] {
        assert_eq!(mode(&bundle.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&bundle), 0o700);
    assert!(!bundle.join("ca.key").exists());
    let identity = Identity::load_or_create(&bundle, &hosts).unwrap();
    assert_eq!(identity.ca_pem, ca.cert_pem());
    let unfit = Identity::load_or_create(&bundle, &["127.0.0.1".to_owned()]).unwrap_err();
    assert!(matches!(unfit, CaError::Unfit { .. }), "{unfit}");
    let again = write_bundle(&ca, &bundle, "agent-1", &hosts).unwrap();
    assert!(again.matches(password.reveal()), "a new certificate does not change the password");
}

#[test]
fn hosts_that_are_no_hosts_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ca = CertificateAuthority::load_or_create(dir.path()).unwrap();
    for bad in ["", "a b", "../x", "farm.lan:8443", "ä"] {
        assert!(matches!(ca.issue("x", &[bad.to_owned()]), Err(CaError::Host { .. })), "{bad:?}");
    }
    assert!(ca.issue("an agent: 1", &["::1".to_owned()]).is_ok(), "the name is only shown");
}

#[test]
fn keys_never_show_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let identity = Identity::load_or_create(dir.path(), &[]).unwrap();
    let ca = CertificateAuthority::load_or_create(dir.path()).unwrap();
    let cert = ca.issue("x", &[]).unwrap();
    assert!(!format!("{identity:?} {cert:?} {ca:?}").contains("PRIVATE"));
}

#[test]
fn a_key_that_stays_where_it_was_made_gets_a_certificate_for_the_names_of_the_farm() {
    let dir = tempfile::tempdir().unwrap();
    let (farm, agent) = (dir.path().join("farm"), dir.path().join("agent"));
    let ca = CertificateAuthority::load_or_create(&farm).unwrap();
    Identity::load_or_create(&agent, &[]).unwrap();
    let request = CertRequest::new().unwrap();
    let hosts = ["10.1.2.3".to_owned()];
    let cert_pem = ca.sign(&request.request_pem, "workshop", &hosts).unwrap();
    let cert = ServerCert { cert_pem, key_pem: request.key_pem };
    let password = Password::generate().unwrap();
    install_bundle(&agent, ca.cert_pem(), &cert, &password).unwrap();
    let identity = Identity::load_or_create(&agent, &hosts).unwrap();
    assert_eq!(identity.ca_pem, ca.cert_pem(), "the authority of its own is given up");
    for file in ["server.key", "password", "ca.pem"] {
        assert_eq!(mode(&agent.join(file)), 0o600, "{file}");
    }
    assert!(Identity::load_or_create(&agent, &["10.1.2.4".to_owned()]).is_err());
    assert!(ca.sign("nonsense", "workshop", &hosts).is_err());
    remove_bundle(&agent).unwrap();
    assert!(!agent.join("server.key").exists());
}

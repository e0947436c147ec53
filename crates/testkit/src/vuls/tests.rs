use super::*;

fn hosts(test: &str) -> Option<Vec<(String, Inventory)>> {
    Some(inventories(&crate::shared(test)?).unwrap())
}

fn host<'a>(hosts: &'a [(String, Inventory)], file: &str) -> &'a Inventory {
    &hosts.iter().find(|(name, _)| name == file).unwrap().1
}

fn package<'a>(inventory: &'a Inventory, name: &str) -> &'a Package {
    inventory
        .packages
        .iter()
        .find(|package| package.name == name)
        .unwrap()
}

#[test]
fn no_host_and_no_package_is_dropped() {
    let Some(hosts) = hosts("no_host_and_no_package_is_dropped") else {
        return;
    };
    assert_eq!(hosts.len(), 70);
    let packages: usize = hosts.iter().map(|(_, host)| host.packages.len()).sum();
    assert_eq!(packages, 20_739);
    let sourced = hosts
        .iter()
        .flat_map(|(_, host)| &host.packages)
        .filter(|package| package.source.is_some());
    assert!(sourced.count() > 5_000);
}

#[test]
fn releases_have_the_words_of_os_release() {
    let Some(hosts) = hosts("releases_have_the_words_of_os_release") else {
        return;
    };
    for (file, id, version_id) in [
        ("alma_9.json", "almalinux", "9.0"),
        ("alpine_319.json", "alpine", "3.19.0"),
        ("amazon_1.json", "amzn", "2018.03"),
        ("amazon_2023.json", "amzn", "2023"),
        ("centos_7.json", "centos", "7"),
        ("debian_9.json", "debian", "9"),
        ("fedora_42.json", "fedora", "42"),
        ("opensuse_leap_15.json", "opensuse-leap", "15.3"),
        (
            "opensuse_tumbleweed.json",
            "opensuse-tumbleweed",
            "tumbleweed",
        ),
        ("oracle_8.json", "ol", "8.10"),
        ("rhel_610.json", "rhel", "6.10"),
        ("sles15.json", "sles", "15.3"),
        ("ubuntu_2404.json", "ubuntu", "24.04"),
        ("windows_10_1709.json", "windows", "10.0.16299.371"),
    ] {
        let os = &host(&hosts, file).os;
        assert_eq!(
            (os.id.as_str(), os.version_id.as_str()),
            (id, version_id),
            "{file}"
        );
    }
}

#[test]
fn rpm_version_keeps_epoch_and_release() {
    let Some(hosts) = hosts("rpm_version_keeps_epoch_and_release") else {
        return;
    };
    let alma = host(&hosts, "alma_10.json");
    let manager = package(alma, "NetworkManager-libnm");
    assert_eq!(manager.version, "1:1.52.0-3.el10_0");
    assert_eq!(manager.epoch, Some(1));
    assert_eq!(manager.source.as_deref(), Some("NetworkManager"));
    assert_eq!(manager.source_version, None);
    let offer = alma
        .offers
        .iter()
        .find(|offer| offer.package == manager.name)
        .unwrap();
    assert_eq!(
        (offer.version.as_str(), offer.repository.as_str()),
        ("1:1.54.0-3.el10_1", "baseos")
    );
    assert!(
        alma.repositories
            .iter()
            .any(|repository| repository.id == "baseos")
    );
}

#[test]
fn module_label_is_kept() {
    let Some(hosts) = hosts("module_label_is_kept") else {
        return;
    };
    let nginx = package(host(&hosts, "fedora_38.json"), "nginx");
    assert_eq!(
        nginx.module.as_deref(),
        Some("nginx:mainline:3820230328212851:f38")
    );
    let modular = hosts
        .iter()
        .flat_map(|(_, host)| &host.packages)
        .filter(|package| package.module.is_some());
    assert_eq!(modular.count(), 17);
}

#[test]
fn running_kernel_of_every_linux_host_is_an_installed_one_but_in_the_container() {
    let Some(hosts) =
        hosts("running_kernel_of_every_linux_host_is_an_installed_one_but_in_the_container")
    else {
        return;
    };
    for (file, host) in &hosts {
        let Some(running) = &host.kernel.running else {
            assert_eq!(host.os.id, "windows", "{file}");
            continue;
        };
        let installed = host
            .kernel
            .installed
            .iter()
            .any(|kernel| kernel.release == *running);
        assert_eq!(
            installed,
            host.os.id != "alpine",
            "{file}: {running} of {:?}",
            host.kernel.installed
        );
    }
}

#[test]
fn windows_programs_are_packages_of_their_own_type() {
    let Some(hosts) = hosts("windows_programs_are_packages_of_their_own_type") else {
        return;
    };
    let server = host(&hosts, "windows_server_2022_sql_server_2019.json");
    assert_eq!(server.packages.len(), 41);
    assert!(
        server
            .packages
            .iter()
            .all(|package| package.kind.as_str() == "windows")
    );
    assert_eq!(
        package(server, "Microsoft SQL Server 2019 (64-bit)").version,
        ""
    );
    assert_eq!(host(&hosts, "windows_7.json").packages, []);
}

#[test]
fn every_inventory_survives_its_own_json() {
    let Some(hosts) = hosts("every_inventory_survives_its_own_json") else {
        return;
    };
    for (file, host) in hosts {
        let json = serde_json::to_string(&host).unwrap();
        assert_eq!(
            serde_json::from_str::<Inventory>(&json).unwrap(),
            host,
            "{file}"
        );
    }
}

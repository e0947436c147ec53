//! CVSS, EPSS, KEV and SSVC turned into decisions and obligations.
pub mod cvss;
pub mod ssvc;

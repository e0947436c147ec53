//! CVSS, EPSS, KEV and SSVC turned into decisions and obligations.

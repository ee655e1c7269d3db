"""How agencies' files reach the portal: uploads in the admin, the push API and the drop folder."""
